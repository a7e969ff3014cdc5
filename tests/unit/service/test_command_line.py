"""What `python -m service` says to whoever asks it something."""

from __future__ import annotations

import pytest

from service.__main__ import main
from service.settings import PREFIX, Settings


def test_help_lists_every_setting_and_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert f"{PREFIX}PORT (8000)" in told
    for name, field in Settings.model_fields.items():
        assert f"  {PREFIX}{name.upper()}" in told
        assert (field.description or "").replace("`", "") in told


@pytest.mark.parametrize("argument", ["--port=9000", "models"])
def test_it_takes_no_arguments_and_starts_nothing(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    assert ended.value.code == 2
    assert f"unrecognized arguments: {argument}" in capsys.readouterr().err
