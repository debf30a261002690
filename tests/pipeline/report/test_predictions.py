"""Answers to single pictures, as rows and as a table."""

from pathlib import Path

import numpy as np
import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import Labels
from edgewise.models.tables import to_csv
from edgewise.pipeline.report.predictions import (
    Confusion,
    Prediction,
    confusions,
    from_csv,
    predictions,
)
from edgewise.runtime.judge.evaluation import Answers, Pictures, given
from edgewise.runtime.judge.tally import Tally

LABELS = Labels(("a", "b,\u00e9", "c"))


def test_rows_are_made_from_logits() -> None:
    exact = np.array([[3, 0, 0], [0, 3, 0]], np.float32)
    other = np.array([[3, 0, 0], [0, 0, 3]], np.float32)
    pictures = given(np.zeros((5, 2, 2, 3), np.uint8), "pictures")
    answered = Answers((exact, other), np.array([1, 4]), np.array([0, 1]), 3)
    share = float(np.exp(3) / (np.exp(3) + 2))
    first, second = predictions(Tally.of(answered), pictures, LABELS)
    assert first == Prediction("number 1", "a", "a", round(share, 6), "a", round(share, 6))
    assert (second.picture, second.label, second.float_answer, second.answer) == (
        "number 4",
        "b,\u00e9",
        "b,\u00e9",
        "c",
    )
    assert (first.changed, second.changed, second.lost, second.gained) == (False, True, True, False)


def test_without_labels_nothing_is_lost() -> None:
    row = Prediction("x", "", "a", 0.5, "b", 0.5)
    assert (row.changed, row.lost, row.gained) == (True, False, False)


def test_a_table_is_read_back(answers: list[Prediction], tmp_path: Path) -> None:
    odd = Prediction('a "b",\u00e9.jpg', "b,\u00e9", "a", 0.5, "c", 0.25)
    path = tmp_path / "predictions.csv"
    path.write_bytes(to_csv(Prediction, [*answers, odd]))
    assert from_csv(path) == [*answers, odd]
    assert path.read_text("utf-8").splitlines()[0].startswith("picture,label,float_answer,")
    assert from_csv(tmp_path / "none.csv") == []


@pytest.mark.parametrize(
    "content", [b"picture\n1\n", b"\xff\xfe\n", b"picture,label,float_answer,float_probability\nx,y,z,w\n"]
)
def test_other_tables_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "predictions.csv"
    path.write_bytes(content)
    with pytest.raises(EdgewiseError, match=r"cannot be read as a table .* export the bundle again"):
        from_csv(path)


def test_the_most_frequent_confusion_comes_first(answers: list[Prediction]) -> None:
    assert confusions([*answers, answers[2]]) == [
        Confusion("tench", "hen", "shark", 2),
        Confusion("hen", "hen", "shark", 1),
        Confusion("shark", "hen", "shark", 1),
    ]


def test_names_are_printable() -> None:
    files = (Path("a/\x1b[31m.jpg"),)
    pictures = Pictures("p", lambda _i, _p: np.zeros((2, 2, 3), np.uint8), 1, files=files)
    logits = np.eye(1, 3, dtype=np.float32)
    tally = Tally.of(Answers((logits, logits), np.array([0]), None, 0))
    (row,) = predictions(tally, pictures, LABELS)
    assert (row.picture, row.label) == ("a/\N{REPLACEMENT CHARACTER}[31m.jpg", "")
