"""The reference of clients says what the tests run."""

from __future__ import annotations

from tests.clients.reference import PAGE, page


def test_the_page_is_what_was_tested() -> None:
    """A client that is added, taken away or updated changes the page; ``--write`` writes it anew."""
    assert PAGE.read_text() == page()
