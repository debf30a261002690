"""Answers of a bundle, where it was made and elsewhere."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def moved(bundle: Path, tmp_path: Path) -> Path:
    """The bundle in another place."""
    return Path(shutil.copytree(bundle, tmp_path / "elsewhere" / "renamed"))


def test_elsewhere_and_without_torch_the_answers_are_the_same(
    edgewise: Run, bundle: Path, moved: Path, pictures: Path, without_torch: dict[str, str]
) -> None:
    images = sorted(pictures.iterdir())[:3]
    here = edgewise("predict", bundle, *images, "--json")
    there = edgewise("predict", moved, *images, "--json", **without_torch)
    assert (here.notices, here.left) == ([], ())
    assert (there.notices, there.left) == ([], ())
    assert there.document == here.document | {"bundle": str(moved)}
    assert (here.document["schema"], here.document["schema_version"]) == ("edgewise.prediction", 1)
    assert [result["image"] for result in here.document["predictions"]] == list(map(str, images))
    for result in here.document["predictions"]:
        probabilities = [answer["probability"] for answer in result["answers"]]
        assert len(probabilities) == 4
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-6)
        assert {answer["label"] for answer in result["answers"]} == {"circle", "square", "cross", "star"}


def test_in_words_the_likeliest_come_first(edgewise: Run, bundle: Path, pictures: Path) -> None:
    image = pictures / "00.png"
    ended = edgewise("predict", bundle, image, "--top", 2, "--threads", 2)
    assert (ended.code, ended.stderr) == (0, "")
    (told,) = edgewise("predict", bundle, image, "--json").document["predictions"]
    assert ended.stdout.splitlines() == [
        str(image),
        *(f"  {100 * answer['probability']:6.2f} %  {answer['label']}" for answer in told["answers"][:2]),
    ]


def test_a_folder_that_is_no_bundle(edgewise: Run, pictures: Path) -> None:
    ended = edgewise("predict", pictures, pictures / "00.png")
    assert (ended.code, ended.stdout) == (2, "")
    assert "contains no manifest.json; pass a folder written by `edgewise export`" in ended.complaint


def test_a_folder_that_is_not_there(edgewise: Run, tmp_path: Path) -> None:
    ended = edgewise("predict", tmp_path / "nowhere", "x.png")
    assert (ended.code, ended.stdout) == (2, "")
    assert "no such bundle; create one with `edgewise export`" in ended.complaint


def test_a_picture_that_is_not_there(edgewise: Run, bundle: Path) -> None:
    ended = edgewise("predict", bundle, "nowhere.png")
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.complaint == "edgewise: nowhere.png: no such file; pass a picture"


def test_a_broken_picture(edgewise: Run, bundle: Path, pictures: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes((pictures / "00.png").read_bytes()[:200])
    ended = edgewise("predict", bundle, pictures / "00.png", broken, "--json")
    assert ended.code == 1
    assert ended.error["exit_name"] == "error"
    assert f"{broken}: cannot be read as a picture" in ended.complaint


def test_a_folder_is_walked_and_what_cannot_be_read_is_left_out(
    edgewise: Run, bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "album"
    shutil.copytree(pictures, folder / "deeper")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "film.mov").touch()
    ended = edgewise("predict", bundle, pictures / "00.png", folder, "--json")
    other, broken = ended.notices
    assert other == f"{folder}: 1 other file was not looked at, 1 .mov"
    assert broken.startswith(f"left out: {folder / 'broken.jpg'}: cannot be read as a picture")
    first, *inside = ended.document["predictions"]
    assert first["image"] == str(pictures / "00.png")
    names = sorted(path.name for path in pictures.iterdir())
    assert [prediction["image"] for prediction in inside] == [str(folder / "deeper" / name) for name in names]
    assert inside[0]["answers"] == first["answers"]


def test_a_folder_without_readable_pictures(edgewise: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "film.mov").touch()
    ended = edgewise("predict", bundle, tmp_path)
    assert (ended.code, ended.stdout) == (2, "")
    assert "contains no pictures" in ended.complaint
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    ended = edgewise("predict", bundle, tmp_path, "--quiet")
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.complaint == f"edgewise: {tmp_path}: none of 1 pictures can be read; choose another folder"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "there is nothing to classify; pass pictures, or --camera"),
        (("a.png", "--camera"), "pictures and --camera exclude each other"),
        (("--camera", "--frames", 0, "--json"), "--frames 0 with --json: one document cannot go on"),
        (("--camera", "http://127.0.0.1:9/"), "is neither an index nor a file"),
    ],
)
def test_a_camera_or_pictures(
    edgewise: Run, bundle: Path, options: tuple[object, ...], complaint: str
) -> None:
    ended = edgewise("predict", bundle, *options)
    assert ended.code == 2
    assert complaint in ended.complaint


def test_a_film_is_classified_frame_by_frame(
    edgewise: Run, bundle: Path, pictures: Path, without_torch: dict[str, str], tmp_path: Path
) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed (pip install opencv-python-headless)")
    frame = cv2.imread(str(pictures / "00.png"))
    film = tmp_path / "film.avi"
    # Without loss, so that the answers are those of the picture.
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"FFV1"), 10, frame.shape[1::-1])
    for _ in range(4):
        writer.write(frame)
    writer.release()
    path = {"PYTHONPATH": f"{without_torch['PYTHONPATH']}{os.pathsep}{Path(cv2.__file__).parents[1]}"}
    ended = edgewise("predict", bundle, "--camera", film, "--frames", 3, "--json", **path)
    assert ended.code == 0, ended.stderr
    seen = ended.document["predictions"]
    assert [one["image"] for one in seen] == [f"camera {film}, frame {number}" for number in (1, 2, 3)]
    (still,) = edgewise("predict", bundle, pictures / "00.png", "--json").document["predictions"]
    for one in seen:
        assert [answer["label"] for answer in one["answers"]] == [a["label"] for a in still["answers"]]
        assert [answer["probability"] for answer in one["answers"]] == pytest.approx(
            [answer["probability"] for answer in still["answers"]], abs=0.02
        )
    everything = edgewise("predict", bundle, "--camera", film, "--frames", 0, "--top", 1, **path)
    assert (everything.code, len(everything.stdout.splitlines())) == (0, 8)
