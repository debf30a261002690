"""Stages and notices as a terminal, a pipe and a notebook see them."""

import io

import pytest
from rich.console import Console

import edgewise
from edgewise.cli.progress import SafeConsole, Shown, progress
from edgewise.pipeline.progress import Journal, Progress


def shown(*, terminal: bool) -> tuple[Shown, io.StringIO]:
    stream = io.StringIO()
    return Shown(Console(file=stream, force_terminal=terminal, width=80, highlight=False)), stream


def test_a_pipe_gets_a_line_for_each_finished_stage() -> None:
    screen, stream = shown(terminal=False)
    with screen.stage("Load [it]", 1, 3) as counter:
        counter(1, 2)
        assert stream.getvalue() == ""
    with screen.stage("Not planned", 0, 0):
        pass
    screen.notice("Beware [of] brackets")
    first, second, notice = stream.getvalue().splitlines()
    assert first.startswith("✓ [1/3] Load [it] ")
    assert first.endswith(" s")
    assert second.startswith("✓ Not planned ")
    assert notice == "! Beware [of] brackets"


def test_a_terminal_shows_a_stage_as_soon_as_it_begins() -> None:
    screen, stream = shown(terminal=True)
    with screen.stage("Work", 2, 3) as counter:
        assert "[2/3] Work" in stream.getvalue()
        counter(3, 7)
    assert "3/7" in stream.getvalue()
    assert "✓" in stream.getvalue()


def test_a_start_leaves_nothing() -> None:
    screen, stream = shown(terminal=True)
    with screen.starting():
        assert "Starting" in stream.getvalue()
    assert "✓" not in stream.getvalue()
    screen, stream = shown(terminal=False)
    with screen.starting():
        pass
    assert stream.getvalue() == ""


def test_the_public_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    made: Progress = edgewise.progress()
    with Journal(made, 1).stage("Work") as counter:
        counter(1, 1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("✓ [1/1] Work ")


def test_a_stream_may_be_given() -> None:
    stream = io.StringIO()
    progress(stream).notice("here")
    assert stream.getvalue() == "! here\n"


def test_colons_around_a_name_stay() -> None:
    stream = io.StringIO()
    SafeConsole(file=stream).print("gradle :phone:installDebug", "[b]:cat:[/]")
    assert stream.getvalue() == "gradle :phone:installDebug :cat:\n"
