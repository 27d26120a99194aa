from __future__ import annotations

import asyncio
from signal import SIGINT

import pytest

from plivo_async.cli.signals import stop_on_signals


async def test_the_second_ctrl_c_cancels_and_a_third_does_not_interrupt_the_clean_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended: list[bool] = []
    with stop_on_signals(lambda: ended.append(True)) as stop:
        stop.request(SIGINT)
        await asyncio.sleep(0)
        stop.request(SIGINT)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        assert stop.was_ours()
        stop.request(SIGINT)

        await asyncio.sleep(0)

    assert ended == [True]
    assert capsys.readouterr().err.count("SIGINT: finishing") == 1
