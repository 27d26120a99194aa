"""`plivo-async completion`, and the completion itself, run in this process."""

from __future__ import annotations

import pytest

from plivo_async.cli.app import run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0

    assert f"_PLIVO_ASYNC_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_options_are_completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_PLIVO_ASYNC_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "plivo-async export --res")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        run([])

    assert capsys.readouterr().out == "plain,--resume\n"
