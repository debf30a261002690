"""Folders and files that a job would need, checked without importing anything for it."""

import os
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.pipeline.checks import require_folder, require_writable


def test_a_folder_that_is_not_there_or_none(tmp_path: Path) -> None:
    require_folder(tmp_path, "a folder of pictures")
    (tmp_path / "file").touch()
    for name, found in (("none", "No such file or directory"), ("file", "Not a directory")):
        with pytest.raises(UsageError, match=f"{name}: {found}; pass a folder of pictures"):
            require_folder(tmp_path / name, "a folder of pictures")


def test_nothing_is_created_to_find_out_whether_it_could_be(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b")
    require_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_is_below_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    require_writable(Path("dist"))
    (tmp_path / "dist").touch()
    with pytest.raises(EdgewiseError, match="dist: cannot be created, because dist is a file"):
        require_writable(Path("dist"))


def test_a_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EdgewiseError, match=r"cannot be created, because .*file is a file; choose another"):
        require_writable(tmp_path / "file" / "in" / "it")


def test_a_folder_that_is_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def access(path: Path, mode: int) -> bool:  # root may write everywhere
        asked.append((path, mode))
        return False

    monkeypatch.setattr(os, "access", access)
    with pytest.raises(EdgewiseError, match=f"because {tmp_path} is not writable; choose another folder"):
        require_writable(tmp_path / "a" / "b")
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]
