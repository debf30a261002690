"""What got better or worse between two sweeps."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewise.models.errors import RegressionError
from edgewise.pipeline.sweep.figures import Change, Share, SweepRow, SweptFailure
from edgewise.pipeline.sweep.record import read_record
from edgewise.pipeline.sweep.run import Sweep
from edgewise.pipeline.sweep.scorecard import Scorecard, ScoreLimits, score

Row = Callable[..., SweepRow]
SweepOf = Callable[..., Sweep]


@pytest.fixture
def scored(row: Row, sweep_of: SweepOf, tmp_path: Path) -> Callable[..., Scorecard]:
    """A row against the usual one, through a file."""

    def scored(*rows: SweepRow, old: SweepRow | None = None) -> Scorecard:
        path = tmp_path / "old.json"
        path.write_text(json.dumps(sweep_of(old or row()).to_json()))
        return score(sweep_of(*rows), read_record(path), path, ScoreLimits())

    return scored


def counts(card: Scorecard) -> tuple[int, int, int]:
    return len(card.better), len(card.slipped), len(card.worse)


def test_a_sweep_beside_itself_passes(scored: Callable[..., Scorecard], row: Row) -> None:
    card = scored(row())
    assert (counts(card), card.compared, card.passed) == ((0, 0, 0), 5, True)
    card.require()


def test_accuracy_is_compared_picture_by_picture(scored: Callable[..., Scorecard], row: Row) -> None:
    """20 of 400 pictures lost and none gained: -5 points, of which two independent shares prove nothing."""
    lost = {"right": "0" * 20 + "1" * 260 + "0" * 120, "top1": Share(0.65, 0.60, 0.70, 400)}
    card = scored(row(file=lost))
    assert counts(card) == (0, 0, 1)
    assert card.worse[0].text.startswith("top-1 accuracy was 70.00 % and is 65.00 %: worse by 5.00 points")
    with pytest.raises(RegressionError, match=r"mobilenetv2 tflite w8a8: top-1 accuracy was 70\.00 %"):
        card.require()
    other = scored(row(file=lost, pictures="00" * 32))
    assert counts(other) == (0, 0, 0)
    assert other.compared == 4  # SQNR on other pictures says nothing


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"file": {"sqnr_db": 19.5}}, (0, 0, 1)),
        ({"file": {"sqnr_db": 20.5}}, (0, 1, 0)),
        ({"file": {"sqnr_db": 25.0}}, (1, 0, 0)),
        ({"file": {"size_bytes": 4_000_000}}, (0, 0, 1)),
        ({"file": {"size_bytes": 3_000_000}}, (1, 0, 0)),
        ({"time": {"speedup": Change(1.5, 1.45, 1.55)}}, (0, 0, 1)),
        ({"time": {"p50_ms": 13.0, "low_ms": 12.9, "high_ms": 13.1}}, (0, 0, 1)),
        ({"time": {"p50_ms": 13.0, "low_ms": 12.9, "high_ms": 13.1, "trusted": False}}, (0, 0, 0)),
        ({"time": {"p50_ms": 13.0, "low_ms": 9.0, "high_ms": 17.0}}, (0, 0, 0)),
        ({"time": {"p50_ms": 99.0, "processor": "Another"}}, (0, 0, 0)),
    ],
)
def test_each_measure_by_its_interval(
    change: dict[str, Any], expected: tuple[int, int, int], scored: Callable[..., Scorecard], row: Row
) -> None:
    assert counts(scored(row(**change))) == expected


def test_a_file_that_fails_now_is_worse_and_the_other_way_round(
    scored: Callable[..., Scorecard], row: Row
) -> None:
    failed = row()
    failed = type(failed)(
        **{name: getattr(failed, name) for name in failed.__dataclass_fields__}
        | {"file": None, "times": (), "failure": SweptFailure("crashed", "process_ended", 1, lasts=False)}
    )
    card = scored(failed)
    assert [one.text for one in card.worse] == ["was made and now fails: crashed"]
    card = scored(row(), old=failed)
    assert [one.text for one in card.better] == ["failed (process ended) and now is made"]


def test_files_of_one_sweep_alone_are_named(scored: Callable[..., Scorecard], row: Row) -> None:
    card = scored(row(network="resnet18"))
    assert (card.missing, card.added) == (("mobilenetv2 tflite w8a8",), ("resnet18 tflite w8a8",))
    assert card.passed


def test_versions_that_differ_are_named(row: Row, sweep_of: SweepOf, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    content = sweep_of(row()).to_json()
    path.write_text(json.dumps({**content, "versions": {"torch": "2.8"}}))
    card = score(sweep_of(row()), read_record(path), path, ScoreLimits())
    assert card.changes == ("edgewise not installed -> 1.0", "torch 2.8 -> 2.9")
