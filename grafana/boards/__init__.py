"""Grafana's boards and alert rules as code: `python -m boards` writes the files that Grafana reads."""
