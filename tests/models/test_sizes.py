"""One number is the side of a square, and a pair is height and width."""

import pytest

from edgewise.models.sizes import Size, both, planes, simplest, written


@pytest.mark.parametrize(
    ("size", "sides", "short", "text"),
    [
        (224, (224, 224), 224, "224"),
        ((32, 32), (32, 32), 32, "32x32"),
        ((32, 96), (32, 96), (32, 96), "32x96"),
    ],
)
def test_a_size_in_every_form(size: Size, sides: tuple[int, int], short: Size, text: str) -> None:
    assert both(size) == sides
    assert simplest(size) == short
    assert written(size) == text


def test_pytorch_has_channels_first() -> None:
    assert planes((32, 96, 1), 4) == (4, 1, 32, 96)
    assert planes(224, 2) == (2, 3, 224, 224)
