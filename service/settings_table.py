"""The README's table of settings, made from their declarations: `python -m service.settings_table` prints it."""

from __future__ import annotations

import sys

from service.settings import PREFIX, Settings


def markdown() -> str:
    """One row per setting: its environment variable, its default, what it does."""
    rows = ["| variable | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def plain() -> str:
    """The same for a terminal: a line with variable and default, then what it does."""
    lines = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f" ({field.default})"
        lines += [f"  {PREFIX}{name.upper()}{default}", f"      {(field.description or '').replace('`', '')}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(markdown() + "\n")
