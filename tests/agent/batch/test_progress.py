"""Progress is a bar on a terminal and a line a minute elsewhere."""

import io

import pytest

from agent.batch.progress import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5369, "89 min"), (5370, "1 h 30 min"), (11100, "3 h 05 min")],
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_log_gets_a_line_a_minute_with_pace_and_time_left() -> None:
    now, log = 0.0, io.StringIO()
    with Progress(log, live=False, clock=lambda: now) as progress:
        progress.begin(400, 100, 0)
        for step in range(1, 61):
            now = 2.0 * step
            progress.advance(f"{step}.jpg", 100 + 2 * step - (step > 30), int(step > 30))

    assert log.getvalue().splitlines() == [
        "400 tasks, 100 done, 0 failed before",
        "160 of 400 done, 0.50 photos/s, 4 min left",
        "219 of 400 done, 1 failed, 0.50 photos/s, 3 min left",
    ]


def test_a_terminal_gets_a_bar_with_the_photo_in_work() -> None:
    screen = io.StringIO()
    with Progress(screen, live=True) as progress:
        progress.begin(2, 0, 0)
        progress.advance("[bold]odd name.jpg", 1, 0)
        progress._bar.refresh()

    assert "[bold]odd name.jpg" in screen.getvalue()
