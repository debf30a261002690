"""The journal between a job and whoever watches it."""

from typing import Any

import pytest

from edgewise.pipeline.progress import Journal, Silent


def test_planned_stages_are_numbered_and_others_are_not(kept: Any) -> None:
    journal = Journal(kept, planned=3)
    with journal.stage("one"):
        pass
    with journal.unplanned(), journal.stage("an attempt"):
        pass
    journal.expect(1)
    for title in ("two", "three", "four", "five"):
        with journal.stage(title):
            pass
    assert kept.stages == [
        (1, 3, "one"),
        (0, 0, "an attempt"),
        (2, 4, "two"),
        (3, 4, "three"),
        (4, 4, "four"),
        (0, 0, "five"),  # more than was planned
    ]


def test_seconds_add_up_by_title_and_counts_go_through(kept: Any) -> None:
    journal = Journal(kept)
    for _ in range(2):
        with journal.stage("again") as count:
            count(1, 2)
    assert [*journal.seconds] == ["again"]
    assert journal.seconds["again"] > 0
    assert kept.counts == {"again": (1, 2)}


def test_a_notice_is_passed_on_once(kept: Any) -> None:
    journal = Journal(kept)
    for line in ("one", "two", "one"):
        journal.notice(line)
    assert journal.notices == kept.notices == ["one", "two"]


def test_a_stage_that_fails_does_not_end(kept: Any) -> None:
    journal = Journal(kept, planned=1)
    with pytest.raises(ValueError, match="broken"), journal.stage("one"):
        raise ValueError("broken")
    assert (kept.titles, kept.ended, journal.seconds) == (["one"], [], {})


def test_nothing_is_shown_without_a_progress(capfd: pytest.CaptureFixture[str]) -> None:
    journal = Journal()
    with journal.stage("one") as count:
        count(1, 1)
    journal.notice("a sentence")
    Silent().notice("another")
    assert capfd.readouterr() == ("", "")
    assert journal.notices == ["a sentence"]
