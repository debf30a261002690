"""Sizes and shapes of pictures, without numpy: commands that only tell something load nothing heavy."""

from typing import TypeAlias

Size: TypeAlias = int | tuple[int, int]  # pixels: the side of a square, or height and width
Shape: TypeAlias = tuple[int, int, int]  # height, width, channels


def both(size: Size) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else size


def simplest(size: Size) -> Size:
    """The same size, as one number if it is a square."""
    height, width = both(size)
    return height if height == width else (height, width)


def written(size: Size) -> str:
    """A size as `--imgsz` takes it: '224', or '32x96' for height and width."""
    return str(size) if isinstance(size, int) else "x".join(map(str, size))


def planes(picture: int | Shape, count: int) -> tuple[int, int, int, int]:
    """`count` pictures in PyTorch's order, (N, C, H, W); a number is the side of an RGB square."""
    height, width, channels = (picture, picture, 3) if isinstance(picture, int) else picture
    return count, channels, height, width
