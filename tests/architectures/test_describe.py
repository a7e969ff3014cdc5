"""The command: presets and JSON in; text, JSON and Markdown out; and the page that shows them all."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from architectures import preset_keys, preset_names
from architectures.document import LAYER_TYPES
from training.cli import main
from training.describe import from_document, from_preset, markdown_table, overview_markdown

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architectures.md"
EXERCISE = ["conv-pool-n", "--input", "28x28x3", "--set", "convPoolLayers=2", "--set", "poolStride=1"]
EXERCISE += ["--set", "FCLayerSize=1024"]
CHAIN = [{"type": "conv", "filters": 2, "kernel": 3, "stride": 2, "padding": "valid"}, {"type": "global_avg_pool"}]


def describe(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["describe", *arguments]) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def test_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.rstrip() for line in describe(capsys, *EXERCISE).splitlines()]
    assert lines[0] == "conv-pool-n on 28×28×3"
    assert lines[1].split() == [
        "layer",
        "what",
        "it",
        "is",
        "output",
        "volume",
        "parameters",
        "MACs",
        "field",
        "jump",
        "memory",
    ]
    assert re.split(r"\s{2,}", lines[3].strip()) == [
        "pool1",
        "max-pool 2×2, stride 1",
        "27×27×32",
        "23,328",
        "0",
        "0",
        "4",
        "1",
        "91.1 KiB",
    ]
    assert lines[-1].split() == ["in", "all", "44,333,002", "58,426,880", "713.4", "KiB"]


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(describe(capsys, *EXERCISE, "--format", "json"))
    assert document["name"] == "conv-pool-n"
    assert document["input"] == [28, 28, 3]
    assert document["totals"]["parameters"] == 44_333_002
    assert [layer["output_volume"] for layer in document["layers"]][:4] == [25_088, 23_328, 46_656, 43_264]


def test_as_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    lines = describe(capsys, *EXERCISE, "--format", "markdown").splitlines()
    assert {line.count("|") for line in lines} == {10}
    assert "| pool1 | max-pool 2×2, stride 1 | 27×27×32 | 23,328 | 0 | 0 | 4 | 1 | 91.1 KiB |" in lines
    assert "**44,333,002**" in lines[-1]


def test_classes_and_keys(capsys: pytest.CaptureFixture[str]) -> None:
    out = describe(capsys, "lenet5", "--classes", "100", "--set", "activation=tanh", "--input", "32x32x3")
    assert re.search(r"dense1 +fully connected, tanh", out)
    assert re.search(r"logits +fully connected +100 ", out)


def test_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "arch.json"
    file.write_text(json.dumps({"name": "mine", "input": "9x9x1", "layers": CHAIN}), encoding="utf-8")
    document = json.loads(describe(capsys, "--file", str(file), "--format", "json"))
    assert (document["name"], document["input"]) == ("mine", [9, 9, 1])
    other = json.loads(describe(capsys, "--file", str(file), "--input", "11x11x3", "--format", "json"))
    assert other["input"] == [11, 11, 3]


@pytest.mark.parametrize("arguments", [[], ["--file", "-"]])
def test_standard_input(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(CHAIN)))
    assert "conv1: a kernel of 3 with stride 2" in describe(capsys, *arguments, code=2)
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(CHAIN)))
    document = json.loads(describe(capsys, *arguments, "--allow-floor", "--format", "json"))
    assert [layer["output_shape"] for layer in document["layers"]] == [[13, 13, 2], [2]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["lenet6"], "did you mean lenet5"),
        (["lenet5", "--file", "x.json"], "a preset or a --file, not both"),
        (["lenet5", "--set", "activation"], "--set takes key=value"),
        (["lenet5", "--input", "28x28"], "as in 28x28x3"),
        (["lenet5", "--classes", "1"], "classes"),
        (["--file", "x.json", "--set", "a=1"], "for presets"),
        (["--file", "/no/such/file.json"], "cannot be read"),
        (["--list", "lenet5"], "--list is of all presets"),
        (["--list", "--set", "activation=relu"], "--list is of all presets"),
        ([], "Give the name of a preset"),
    ],
)
def test_what_is_refused(
    arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert fault in describe(capsys, *arguments, code=2)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"layers": [NaN]}'])
def test_what_is_no_json(text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert describe(capsys, code=2).startswith("error: ")


def test_the_list_of_presets(capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(describe(capsys, "--list", "--format", "json"))
    assert [row["preset"] for row in listed] == [*preset_names(), "mlp-1000-300"]
    assert {row["preset"]: row["parameters"] for row in listed}["lenet5"] == 61_706
    assert "61,706" in describe(capsys, "--list")
    assert describe(capsys, "--list", "--format", "markdown").strip() == overview_markdown((28, 28, 1))


@pytest.mark.parametrize("name", [*preset_names(), "mlp-1000-300"])
def test_the_page_shows_each_preset(name: str) -> None:
    """`python -m training describe NAME --format markdown` prints what lies between the two lines."""
    assert between(f"describe {name}") == markdown_table(from_preset(name))


def test_the_page_shows_the_list_and_the_exercise() -> None:
    """The list, and the net of two convolutions whose figures the course gives."""
    assert between("describe --list") == overview_markdown((28, 28, 1))
    keys = {"convPoolLayers": 2, "poolStride": 1, "FCLayerSize": 1024}
    assert between(f"describe {' '.join(EXERCISE)}") == markdown_table(
        from_preset("conv-pool-n", input_text="28x28x3", keys=keys)
    )


def test_the_page_names_every_option_and_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["describe", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert len(options) == 7
    assert not {option for option in options if option not in page}
    assert not {key for name in preset_names() for key in preset_keys(name) if f"`{key}`" not in page}


def between(command: str) -> str:
    """What the page has between the two comments of a command."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {re.escape(command)} -->\n(.*?)\n<!-- / -->", page, re.DOTALL)
    assert found, command
    return found[1]


def test_the_page_has_the_fields_of_every_layer_and_its_example_works() -> None:
    page = PAGE.read_text(encoding="utf-8")
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert example
    rows = from_document(example[1]).rows
    assert rows[-1].output_shape == (10,)
    table = page.partition("## As JSON")[2]
    for kind, layer in LAYER_TYPES.items():
        line = next(line for line in table.splitlines() if line.startswith("|") and f"`{kind}`" in line.split("|")[1])
        assert not {field.name for field in fields(layer) if f"`{field.name}`" not in line}


def test_the_error_on_the_page_is_the_one_that_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    command = re.search(r"\$ python -m training (describe .*)\n(error: .*)\n", PAGE.read_text(encoding="utf-8"))
    assert command
    assert main(command[1].split()) == 2
    assert capsys.readouterr().err.strip() == command[2]
