"""Pictures that were saved again, found among others; and those that only look alike."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edgewise.models.data import copies
from edgewise.models.data.copies import Seen
from edgewise.models.synthetic import dead_leaves

COUNT = 12


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """JPEG files of pictures that differ."""
    found = [tmp_path / f"{index}.jpg" for index in range(COUNT)]
    for index, path in enumerate(found):
        Image.fromarray(dead_leaves(160, 3, index)).save(path, quality=90)
    return found


def saved(suffix: str, **options: object) -> Callable[[Path], bytes]:
    def save(path: Path) -> bytes:
        buffer = io.BytesIO()
        Image.open(path).save(buffer, suffix, **options)
        return buffer.getvalue()

    return save


def halved(path: Path) -> bytes:
    buffer = io.BytesIO()
    Image.open(path).reduce(2).save(buffer, "PNG")
    return buffer.getvalue()


SAME: dict[str, Callable[[Path], bytes]] = {
    "one appended byte": lambda path: path.read_bytes() + b"\0",
    "PNG": saved("PNG"),
    "lossless WebP": saved("WEBP", lossless=True),
}
ALIKE = {"JPEG of quality 95": saved("JPEG", quality=95), "half the size": halved}


@pytest.mark.parametrize("way", [*SAME, *ALIKE])
def test_a_picture_that_was_saved_again_is_found(files: list[Path], tmp_path: Path, way: str) -> None:
    again = tmp_path / "again"
    again.mkdir()
    for path in files:
        (again / path.name).write_bytes((SAME | ALIKE)[way](path))
    seen = Seen.of(files[: COUNT // 2])
    found = seen.copies(sorted(again.iterdir()))
    assert found.telling
    expected = {again / path.name for path in files[: COUNT // 2]}
    assert {*found.certain} == expected
    assert {*(found.same if way in SAME else found.alike)} == expected


def test_other_pictures_are_not_found(files: list[Path]) -> None:
    found = Seen.of(files[:6]).copies(files[6:])
    assert (found.same, found.alike, found.telling, found.blind) == ((), (), True, False)


def test_of_pictures_that_all_look_alike_only_the_same_are_certain(tmp_path: Path) -> None:
    """As a camera that stands still has them: a part with a scratch in another place each time."""
    scene = Image.fromarray(dead_leaves(160, 3, 0))
    files = [tmp_path / f"{index}.png" for index in range(20)]
    for index, path in enumerate(files):
        picture = scene.copy()
        ImageDraw.Draw(picture).line((5 * index, 40, 5 * index + 9, 49), "white")
        picture.save(path)
    found = Seen.of([files[0]]).copies(files)
    assert found.same == (files[0],)
    assert {*found.alike} == {*files[1:]}
    assert not found.telling
    assert found.certain == (files[0],)


def test_what_was_seen_survives_a_manifest(files: list[Path]) -> None:
    seen = Seen.of(files)
    assert Seen.from_json(json.loads(json.dumps(seen.to_json()))) == seen
    assert [len(kind) for kind in (seen.files, seen.pixels, seen.looks)] == [COUNT] * 3
    earlier = Seen.from_json({"files": sorted(seen.files)})
    assert {*earlier.copies(files).same} == {*files}
    assert not Seen.from_json({})


def test_without_the_library_the_same_pixels_are_found_all_the_same(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen.of(files)
    png, jpeg = tmp_path / "a.png", tmp_path / "b.jpg"
    png.write_bytes(SAME["PNG"](files[0]))
    jpeg.write_bytes(ALIKE["JPEG of quality 95"](files[0]))
    monkeypatch.setattr(copies, "find_spec", lambda _: None)
    found = seen.copies([png, jpeg])
    assert (found.same, found.alike, found.blind) == ((png,), (), True)
    assert Seen.of(files).looks == frozenset()


def test_a_damaged_picture_is_known_by_its_bytes_alone(files: list[Path]) -> None:
    files[0].write_bytes(b"no picture")
    seen = Seen.of(files[:1])
    assert (len(seen.files), seen.pixels, seen.looks) == (1, frozenset(), frozenset())
    assert seen.copies(files).same == (files[0],)


def test_pixels_of_another_shape_are_others(tmp_path: Path) -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    Image.fromarray(pixels).save(paths[0])
    Image.fromarray(pixels.reshape(30, 20, 3)).save(paths[1])
    assert len(Seen.of(paths).pixels) == 2
