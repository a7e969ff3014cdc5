"""`python -m deploy.kubernetes`: write the manifests that are made from other files."""

from __future__ import annotations

from deploy.kubernetes.prometheus_rule import PATH, as_yaml


def main() -> None:
    """Overwrites what is there, and prints where."""
    PATH.write_text(as_yaml(), encoding="utf-8")
    print(PATH)


if __name__ == "__main__":
    main()
