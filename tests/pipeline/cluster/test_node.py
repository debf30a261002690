"""A node that is not as the others says in what it differs."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.pipeline.cluster.node import Needed, answer, installation, needed, require_same


def test_the_same_is_fit_and_writes_where_it_is_asked_to(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"model")
    shared = tmp_path / "shared"
    for folder in (shared, tmp_path / "val"):
        folder.mkdir()
    asked = needed((tmp_path / "model.bin", tmp_path / "val"), shared)
    wrong, name = answer(asked)
    assert wrong == []
    assert name is not None
    assert (shared / name).exists()
    require_same(asked)


def test_other_versions_are_named() -> None:
    assert set(installation()) > {"Python", "the code of edgewise", "instruction set", "pillow"}
    other = {**installation(), "pillow": "0.1", "another": "1.0"}
    del other["Python"]
    wrong, _ = answer(Needed(other))
    own = installation()
    assert f"has pillow {own['pillow']}, not pillow 0.1" in wrong
    assert "has no another, not another 1.0" in wrong
    assert f"has Python {own['Python']}, not no Python" in wrong
    with pytest.raises(EdgewiseError, match=r"node .* has pillow"):
        require_same(Needed(other))


def test_other_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"model")
    asked = needed((file,))
    file.write_bytes(b"another")
    assert answer(asked)[0] == [f"has another {file}"]
    file.unlink()
    missing = replace(asked, folders={tmp_path / "val": ""}, shared=tmp_path / "none")
    wrong, name = answer(missing)
    assert wrong == [
        f"does not see the folder {tmp_path / 'val'}",
        f"does not see {file}",
        f"cannot write into {tmp_path / 'none'} (No such file or directory)",
    ]
    assert name is None or not (tmp_path / "none").exists()


def test_other_pictures_in_a_folder_are_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "val"
    (folder / "ant").mkdir(parents=True)
    (folder / "ant" / "0.png").write_bytes(b"picture")
    asked = needed((folder,))
    assert answer(asked)[0] == []
    (folder / "ant" / "1.png").write_bytes(b"another")
    assert answer(asked)[0] == [f"has other files in {folder}"]
    (folder / "ant" / "1.png").unlink()
    (folder / "ant" / "0.png").write_bytes(b"another picture")
    with pytest.raises(EdgewiseError, match="has other files in"):
        require_same(asked)
