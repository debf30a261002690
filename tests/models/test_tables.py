"""Tables as CSV."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.models.tables import from_csv, rows_of, to_csv


@dataclass(frozen=True)
class Line:
    name: str
    share: float


def test_rows_come_back(tmp_path: Path) -> None:
    rows = [Line('a, "b"\u00e9', 0.25), Line("", 1.0)]
    (tmp_path / "t.csv").write_bytes(to_csv(Line, rows))
    assert from_csv(Line, tmp_path / "t.csv", "again") == rows
    assert rows_of(tmp_path / "t.csv", {"share": float}, "again") == [{"share": 0.25}, {"share": 1.0}]
    assert from_csv(Line, tmp_path / "none.csv", "again") == []


def test_text_has_no_control_characters(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(to_csv(Line, [Line("a\x1b[2Jb\nc", 0.5)]))
    assert from_csv(Line, tmp_path / "t.csv", "again")[0].name == "a\ufffd[2Jb\ufffdc"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name\nx\n", "no column 'share'"),
        (b"name,share\nx,much\n", "could not convert"),
        (b"name,share\nx,nan\n", "nan is not a finite number"),
        (b"name,share\nx\n", "NoneType"),
        (b"name,share\n\xff,1\n", "can't decode"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(EdgewiseError, match=f"cannot be read as a table .*{said}.*; again"):
        from_csv(Line, tmp_path / "t.csv", "again")
