"""Layer tables to be read: for a terminal, and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from architectures import layer_table, preset, preset_keys, preset_names, totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from architectures import LayerRow
    from training.describe.source import Subject

_HEADINGS = (
    "layer",
    "what it is",
    "output",
    "volume",
    "parameters",
    "MACs",
    "field",
    "jump",
    "memory",
)
_KINDS = {
    "conv": "conv",
    "max_pool": "max-pool",
    "avg_pool": "average-pool",
    "global_avg_pool": "global average",
    "dense": "fully connected",
    "residual": "sum with its input",
}
_POOLS = ("max_pool", "avg_pool")
_OVERVIEW_HEADINGS = ("preset", "parameters", "MACs", "memory", "keys")
# The one of the family that stands for all.
_OVERVIEW_EXAMPLE = "mlp-1000-300"
_TEXT_COLUMNS = 2


def text_table(subject: Subject) -> Table:
    """For a terminal, with the sums at its foot; receptive field and jump in pixels, memory for one picture."""
    sums = totals(subject.rows)
    table = Table(
        title=f"{subject.name} on {_times(subject.input_shape)}", title_justify="left", show_footer=True, box=None
    )
    footers = ("in all", "", "", "", f"{sums.parameters:,}", f"{sums.macs:,}", "", "", _bytes(sums.activation_bytes))
    for index, (heading, footer) in enumerate(zip(_HEADINGS, footers, strict=True)):
        table.add_column(heading, footer, justify="left" if index < _TEXT_COLUMNS else "right", no_wrap=True)
    for cells in _cells(subject):
        table.add_row(*cells)
    return table


def markdown_table(subject: Subject) -> str:
    """The same in Markdown."""
    sums = totals(subject.rows)
    foot = (
        "**in all**",
        "",
        "",
        "",
        f"**{sums.parameters:,}**",
        f"**{sums.macs:,}**",
        "",
        "",
        f"**{_bytes(sums.activation_bytes)}**",
    )
    return _markdown(_HEADINGS, [*_cells(subject), foot], text_columns=_TEXT_COLUMNS)


def overview(input_shape: tuple[int, int, int]) -> list[dict[str, Any]]:
    """What every preset costs on pictures of this shape, and the keys it takes; floors are allowed."""
    documents = []
    for name in (*preset_names(), _OVERVIEW_EXAMPLE):
        sums = totals(layer_table(preset(name, allow_floor=True), input_shape))
        documents.append(
            {
                "preset": name,
                "parameters": sums.parameters,
                "macs": sums.macs,
                "activation_bytes": sums.activation_bytes,
                "keys": list(preset_keys(name)),
            }
        )
    return documents


def overview_table(input_shape: tuple[int, int, int]) -> Table:
    """`overview` for a terminal."""
    table = Table(title=f"presets on {_times(input_shape)}", title_justify="left", box=None)
    for heading in _OVERVIEW_HEADINGS:
        table.add_column(heading, justify="left" if heading in {"preset", "keys"} else "right", no_wrap=True)
    for cells in _overview_cells(input_shape):
        table.add_row(*cells)
    return table


def overview_markdown(input_shape: tuple[int, int, int]) -> str:
    """`overview` in Markdown."""
    return _markdown(_OVERVIEW_HEADINGS, _overview_cells(input_shape), text_columns=1)


def _overview_cells(input_shape: tuple[int, int, int]) -> list[tuple[str, ...]]:
    return [
        (
            row["preset"],
            f"{row['parameters']:,}",
            f"{row['macs']:,}",
            _bytes(row["activation_bytes"]),
            " ".join(row["keys"]) or "–",
        )
        for row in overview(input_shape)
    ]


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int) -> str:
    rule = ["---" if index < text_columns else "---:" for index in range(len(headings))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))


def _cells(subject: Subject) -> list[tuple[str, ...]]:
    return [
        (
            row.name,
            _what(row),
            _times(row.output_shape),
            f"{row.output_volume:,}",
            f"{row.parameters:,}",
            f"{row.macs:,}",
            str(row.receptive_field),
            "–" if row.jump is None else str(row.jump),
            _bytes(row.activation_bytes),
        )
        for row in subject.rows
    ]


def _what(row: LayerRow) -> str:
    """`conv 3×3, stride 2, padding 1, relu`; not said are a convolution's stride of 1, no padding, no activation."""
    parts = [_KINDS.get(row.type, row.type)]
    if row.kernel and row.stride:
        parts[0] += f" {_times(row.kernel)}"
        if row.stride != (1, 1) or row.type in _POOLS:
            parts.append(f"stride {row.stride[0]}")
        if row.padding not in ("valid", 0):
            parts.append(f"padding {row.padding}")
    if row.activation and row.activation != "linear":
        parts.append(row.activation)
    return ", ".join(parts)


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _bytes(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:,.1f} KiB" if count < 1024**2 else f"{count / 1024**2:,.1f} MiB"
