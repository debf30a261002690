"""A board's answers beside this machine's: how they are compared, and what a board may send."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.models.errors import EdgewiseError, ParityError
from edgewise.models.spec import Tensor32
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices._ssh_answers import read
from edgewise.runtime.devices.answers import Beside, BoardCheck


def constant(*rows: list[float]) -> Any:
    return lambda batch: np.array(rows[: len(batch)], np.float32)


BATCH: Tensor32 = np.zeros((2, 4, 4, 3), np.float32)


def test_bits_classes_and_distances_are_counted() -> None:
    here = constant([1.0, 2.0, 4.0], [3.0, 2.0, 0.0])
    beside = Beside(constant([1.0, 2.0, 4.0], [1.0, 2.0, 0.0]), here, {})
    assert beside(BATCH).tolist() == [[1, 2, 4], [1, 2, 0]]
    found = beside.result("ssh://board", "Board 5")
    assert (found.pictures, found.identical, found.same_class, found.max_rel) == (2, 1, 1, 0.5)
    assert beside(BATCH[:1]).tolist() == [[1, 2, 4]]
    assert beside.result("ssh://board", None).identical == 2


def test_zeros_of_different_signs_are_different_bits() -> None:
    beside = Beside(constant([0.0, 1.0]), constant([-0.0, 1.0]), {})
    beside(BATCH[:1])
    assert beside.result("b", None).identical == 0
    assert beside.result("b", None).max_rel == 0


def test_counts_of_an_interrupted_run_are_added() -> None:
    first = Beside(constant([1.0, 2.0], [1.0, 2.0]), constant([1.0, 2.0], [2.0, 1.0]), {})
    first(BATCH)
    told = first.counted()
    assert told == {"pictures": 2, "identical": 1, "same_class": 1, "max_rel": 0.5}
    assert first.counted()["pictures"] == 0
    second = Beside(constant([1.0, 2.0]), constant([1.0, 2.0]), {})
    second(BATCH[:1])
    second.recall(told, 2)
    assert second.result("b", None) == BoardCheck("b", None, 3, 2, 2, 0.5)
    for forged in (
        {"pictures": 3},
        {"pictures": 1, "same_class": 1},
        {"identical": 2},
        {"identical": -1},
        {"same_class": 1.5},
        {"max_rel": float("nan")},
        {"max_rel": -1.0},
    ):
        with pytest.raises(ValueError, match="impossible"):
            second.recall(told | forged, 2)
    assert second.result("b", None).pictures == 3


def test_other_classes_are_refused() -> None:
    with pytest.raises(ParityError, match="the device gave 2 logits instead of 3"):
        Beside(constant([1.0, 2.0]), constant([1.0, 2.0, 3.0]), {})(BATCH[:1])


def test_the_boards_program_answers_as_a_session_does(
    tiny_bundle: Path, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    batch = tmp_path / "batch.npy"
    np.save(batch, tiny_pictures[:5])
    command = [
        sys.executable,
        "-P",
        "-m",
        "edgewise.runtime.devices._answering",
        str(tiny_bundle),
        str(batch),
        "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not batch.exists()
    bundle = Bundle.open(tiny_bundle)
    expected = open_session(bundle.model, "tflite", 1)(tiny_pictures[:5])
    assert np.array_equal(read("ssh://board", done.stdout, 5), expected)
    failed = subprocess.run(
        [*command[:-3], str(tmp_path), "x", "1"], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert "contains no manifest.json" in failed.stderr


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", '{"logits": 3}', '{"logits": "a"}', json.dumps({"logits": "AAAAAA=="})]
)
def test_what_a_board_sends_may_be_anything(line: str) -> None:
    with pytest.raises(EdgewiseError, match=r"^ssh://board: sent an answer that cannot be read"):
        read("ssh://board", line, 2)
