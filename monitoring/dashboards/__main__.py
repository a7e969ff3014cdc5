"""`python -m monitoring.dashboards`: write every dashboard into monitoring/grafana/dashboards/."""

from __future__ import annotations

from monitoring.dashboards import DASHBOARDS, DIRECTORY, as_json


def main() -> None:
    """Overwrites what is there, and prints where."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, dashboard in DASHBOARDS.items():
        path = DIRECTORY / f"{name}.json"
        path.write_text(as_json(dashboard()), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
