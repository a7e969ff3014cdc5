"""Watching the service: what Prometheus scrapes, records and alerts on, and Grafana's dashboards, made by code.

    service ── /metrics ──▶ Prometheus (rules/) ──▶ Grafana (dashboards/ ── python -m monitoring.dashboards ──▶ grafana/)

It knows the service by the names of its metrics alone, and imports none of it.
"""
