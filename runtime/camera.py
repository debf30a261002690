"""Frames of a camera, through picamera2 or OpenCV, neither of which is a dependency of edgewise.

Both give BGR: OpenCV always, and picamera2 in the format that it calls RGB888, after the order within a word.
"""

from collections.abc import Generator, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..models.errors import EdgewiseError, MissingDependencyError, UsageError
from ..models.printable import printable

_WARM_UP = 10  # frames in which a camera finds its exposure
_NO_LIBRARY = (
    "Reading a camera needs OpenCV or picamera2, neither of which is installed. Run: pip install "
    "opencv-python-headless; on a Raspberry Pi, sudo apt install python3-picamera2 serves as well"
)


def frames(source: str) -> Generator[Image.Image, None, None]:
    """The frames of a camera in RGB, as they come; those of a video file end.

    Args:
        source: The index of a camera, such as '0'; or the path of a device, such as '/dev/video0', or of a
            video file, which need OpenCV. Addresses of other machines are refused.

    Raises:
        UsageError: There is no such camera or file, or it cannot be opened.
        MissingDependencyError: Neither library is installed.
        EdgewiseError: It gives no frames, or others than of 8 bits in grey or BGR.
    """
    is_index = source.isascii() and source.isdigit()
    if not is_index and (not Path(source).exists() or Path(source).is_dir()):
        raise UsageError(
            f"camera {source!r}: is neither an index nor a file; pass the index of a camera, such as 0"
        )
    if is_index and find_spec("picamera2") is not None:
        found = _of_picamera2(int(source))
    elif find_spec("cv2") is not None:
        found = _of_opencv(int(source) if is_index else source)
    else:
        # Without __init__, which names an extra: no extra of edgewise brings these libraries.
        raise MissingDependencyError.__new__(MissingDependencyError, _NO_LIBRARY)
    given = False
    for frame in islice(found, 0 if Path(source).is_file() else _WARM_UP, None):
        given = True
        yield rgb_of_bgr(frame)
    if not given:
        raise EdgewiseError(f"camera {source}: gives no frames; see whether another program uses it")


def rgb_of_bgr(frame: Any) -> Image.Image:
    """A frame as cameras give it, uint8 (H, W, 3) in BGR or (H, W) in grey, as a picture in RGB.

    Raises:
        EdgewiseError: It is something else.
    """
    pixels = np.asarray(frame)
    if pixels.dtype != np.uint8 or pixels.ndim not in {2, 3} or pixels.shape[2:] not in {(), (3,)}:
        raise EdgewiseError(
            f"the camera gives frames of {pixels.dtype} {pixels.shape}; need uint8 (H, W, 3) in BGR, or "
            "(H, W) in grey"
        )
    return Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]) if pixels.ndim == 3 else pixels).convert(
        "RGB"
    )


def _of_opencv(source: int | str) -> Iterator[Any]:
    import cv2

    camera = cv2.VideoCapture(source)
    try:
        if not camera.isOpened():
            raise UsageError(
                f"camera {source}: OpenCV cannot open it; pass another index, or a device or video file"
            )
        while True:
            there, frame = camera.read()
            if not there:
                return
            yield frame
    finally:
        camera.release()


def _of_picamera2(index: int) -> Iterator[Any]:
    from picamera2 import Picamera2

    try:
        camera = Picamera2(index)
    except (IndexError, RuntimeError) as error:  # what it raises where there is no such camera
        raise UsageError(
            f"camera {index}: picamera2 cannot open it ({printable(str(error))}); pass another index"
        ) from error
    try:
        camera.configure(camera.create_preview_configuration({"format": "RGB888"}))
        camera.start()
        while True:
            yield camera.capture_array()
    finally:
        camera.close()
