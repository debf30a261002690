"""Thumbnails."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import Pixels, Preprocess
from edgewise.pipeline.report.gallery import MOST, chosen, thumbnails
from edgewise.pipeline.report.predictions import Prediction
from edgewise.runtime.judge.evaluation import Pictures, given


def test_lost_pictures_come_first(answers: list[Prediction]) -> None:
    assert [row.picture for row in chosen(answers[::-1])] == ["hen/1.jpg", "shark/2.jpg", "tench/3.jpg"]
    assert len(chosen(answers * MOST)) == MOST


@pytest.mark.parametrize(("channels", "sides"), [(3, (300, 200)), (1, (20, 40))])
def test_thumbnails_are_small_pictures(channels: int, sides: tuple[int, int]) -> None:
    pixels = np.full((2, *sides, channels), 200, np.uint8)
    found = thumbnails([Prediction("number 1", "", "a", 1, "b", 1)], given(pixels, "p"), Preprocess(32, 40))
    ((name, address),) = found.items()
    kind, _, data = address.partition(";base64,")
    assert (name, kind) == ("number 1", "data:image/webp")
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert max(image.size) == min(144, max(sides))
        assert abs(int(np.asarray(image).mean()) - 200) <= 2


def test_pictures_that_are_gone_are_left_out() -> None:
    def read(index: int, preprocess: Preprocess) -> Pixels:
        raise EdgewiseError(f"{index} {preprocess}")

    assert (
        thumbnails([Prediction("number 0", "", "a", 1, "b", 1)], Pictures("p", read, 1), Preprocess()) == {}
    )
