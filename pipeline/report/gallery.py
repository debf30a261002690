"""Thumbnails of the pictures whose answer changed, as the network sees them."""

import base64
import io
from collections.abc import Iterable
from contextlib import suppress

from PIL import Image

from ...models.errors import EdgewiseError
from ...models.printable import printable
from ...models.spec import Preprocess
from ...models.training.answers import ValidationAnswer
from ...runtime.judge.evaluation import Pictures
from .predictions import Prediction

MOST = 48  # pictures, of about 5 kB each
_SIDE, _QUALITY = 144, 70


def chosen(found: Iterable[Prediction]) -> list[Prediction]:
    """Those to show: lost ones first, then gained ones, each the most confident answers first."""
    changed = [row for row in found if row.changed]
    return sorted(changed, key=lambda row: (not row.lost, not row.gained, -row.probability))[:MOST]


def thumbnails(
    found: Iterable[Prediction | ValidationAnswer], pictures: Pictures, preprocess: Preprocess
) -> dict[str, str]:
    """Each picture of `found` by its name, as the address of an image: 'data:image/webp;base64,...'."""
    wanted, images = {row.picture for row in found}, {}
    for index in range(pictures.count):
        if (name := printable(pictures.name(index))) in wanted:
            with suppress(EdgewiseError):  # it was there a minute ago; the report can do without
                images[name] = _address(pictures, index, preprocess)
    return images


def _address(pictures: Pictures, index: int, preprocess: Preprocess) -> str:
    pixels = pictures.read(index, preprocess)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
