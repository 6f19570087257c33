"""The dashboard: pages for a browser that read nothing but this API."""

from __future__ import annotations

from spanledger_api.dashboard.pages import PAGES, install_dashboard, is_page

__all__ = ["PAGES", "install_dashboard", "is_page"]
