"""Frames of a camera, or of a film, which OpenCV reads in the same way."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.models.errors import EdgewiseError, MissingDependencyError, UsageError
from edgewise.runtime.camera import frames, rgb_of_bgr

RED = np.zeros((32, 48, 3), np.uint8)
RED[..., 2] = 255  # in BGR


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Three red frames, written by OpenCV itself."""
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed (pip install opencv-python-headless)")
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (48, 32))
    for _ in range(3):
        writer.write(RED)
    writer.release()
    return path


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that makes modules look as if they were not installed."""
    real = sys.modules["edgewise.runtime.camera"].find_spec

    def hide(*names: str) -> None:
        monkeypatch.setattr(
            "edgewise.runtime.camera.find_spec", lambda name: None if name in names else real(name)
        )

    return hide


def test_a_film_is_read_in_rgb_until_it_ends(film: Path) -> None:
    found = list(frames(str(film)))
    assert len(found) == 3
    red, green, blue = np.asarray(found[0]).reshape(-1, 3).mean(0)
    assert red > 245
    assert max(green, blue) < 10


def test_what_opencv_cannot_open(tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (pip install opencv-python-headless)")
    (tmp_path / "no.avi").write_bytes(b"no film")
    with pytest.raises(UsageError, match=r"no\.avi: OpenCV cannot open it"):
        next(frames(str(tmp_path / "no.avi")))


def test_bgr_and_grey_become_rgb() -> None:
    assert rgb_of_bgr(RED).getpixel((0, 0)) == (255, 0, 0)
    assert rgb_of_bgr(np.full((2, 2), 7, np.uint8)).getpixel((1, 1)) == (7, 7, 7)


@pytest.mark.parametrize(
    "frame", [RED.astype(np.uint16), RED[0, 0], np.zeros((2, 2, 4), np.uint8), None, np.zeros((2, 2, 2, 3))]
)
def test_other_frames_are_refused(frame: Any) -> None:
    with pytest.raises(EdgewiseError, match="the camera gives frames of"):
        rgb_of_bgr(frame)


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/film", "rtsp://host/1", "-1", "", "front"])
def test_addresses_and_words_are_refused(source: str) -> None:
    with pytest.raises(UsageError, match="is neither an index nor a file"):
        next(frames(source))


def test_without_a_library_the_error_names_both(hide: Callable[..., None]) -> None:
    hide("cv2", "picamera2")
    with pytest.raises(
        MissingDependencyError, match=r"pip install opencv-python-headless.*picamera2"
    ) as raised:
        next(frames("0"))
    assert raised.value.details() == {}


class Board:
    """Stands in for picamera2, which runs on a Raspberry Pi alone: the calls that are made, and its BGR."""

    calls: tuple[str, ...] = ()

    def __init__(self, index: int) -> None:
        if index:
            raise IndexError("list index out of range")

    def create_preview_configuration(self, main: dict[str, str]) -> dict[str, str]:
        return main

    def configure(self, asked: dict[str, str]) -> None:
        assert asked == {"format": "RGB888"}
        Board.calls += ("configure",)

    def start(self) -> None:
        Board.calls += ("start",)

    def capture_array(self) -> NDArray[np.uint8]:
        Board.calls += ("capture",)
        return RED

    def close(self) -> None:
        Board.calls += ("close",)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("picamera2")
    module.Picamera2 = Board  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setattr("edgewise.runtime.camera.find_spec", lambda name: name == "picamera2" or None)
    monkeypatch.setattr(Board, "calls", ())


@pytest.mark.usefixtures("board")
def test_a_raspberry_pi_is_asked_for_bgr_once_it_is_exposed() -> None:
    found = frames("0")
    assert next(found).getpixel((0, 0)) == (255, 0, 0)
    found.close()
    assert Board.calls == ("configure", "start", *["capture"] * 11, "close")


@pytest.mark.usefixtures("board")
def test_a_raspberry_pi_without_that_camera() -> None:
    with pytest.raises(UsageError, match="camera 1: picamera2 cannot open it"):
        next(frames("1"))
