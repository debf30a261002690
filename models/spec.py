"""The description of a model: input, preprocessing, classes, origin of the weights. Needs no torch.

`Preprocess` is the only place where a picture becomes a tensor. Training, calibration, evaluation, export and
the device all call it, and every bundle stores it, so that they cannot differ.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import UsageError
from .sizes import Shape, Size, both, simplest, written

Pixels: TypeAlias = NDArray[np.uint8]  # (H, W, C), RGB or grey
Tensor32: TypeAlias = NDArray[np.float32]
PerChannel: TypeAlias = tuple[float, ...]  # red, green and blue, or grey alone

FILTERS = {way.name.lower(): way for way in Image.Resampling}
_LARGEST_SIZE = 4096


def classes_of(outputs: int) -> int:
    """The classes of a network: one output is the logit of the second of two, which its sign decides."""
    return 2 if outputs == 1 else outputs


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Resize, crop the centre, scale to [0, 1], normalise.

    `size` is that of the network's input in pixels: the side of a square, or (height, width). `resize` comes
    before the crop, as in torchvision's `Resize`: a number is the length of the shorter side, which keeps the
    proportions, and (height, width) are the new sides whatever the proportions. `mean` and `std` are per
    channel on the [0, 1] scale: three numbers for RGB, or one for a network that takes grey pictures.

    Resizing is Pillow's, with antialiasing, by any of its filters: the same arithmetic as torchvision's
    `Grayscale`, `Resize` and `CenterCrop` on PIL images.
    """

    size: Size = 224
    resize: Size = 256
    mean: PerChannel = (0.485, 0.456, 0.406)
    std: PerChannel = (0.229, 0.224, 0.225)
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", simplest(self.size))  # one description for one thing
        sides, given = both(self.size), both(self.resize)
        if not all(1 <= side <= scaled <= _LARGEST_SIZE for side, scaled in zip(sides, given, strict=True)):
            raise UsageError(
                f"image size {written(self.size)} and resize {written(self.resize)} do not fit: "
                f"need 1 <= --imgsz <= --resize <= {_LARGEST_SIZE}"
            )
        if len(self.mean) != len(self.std) or len(self.mean) not in {1, 3} or min(self.std) <= 0:
            raise UsageError(
                f"mean {self.mean} and std {self.std}: need three numbers each, or one each for "
                "grey pictures, std above 0"
            )
        if self.interpolation not in FILTERS:
            raise UsageError(f"interpolation {self.interpolation!r}: choose one of {', '.join(FILTERS)}")

    @property
    def channels(self) -> int:
        """3 for RGB, 1 for grey."""
        return len(self.mean)

    @property
    def shape(self) -> Shape:
        """The shape of the network's input without the batch: height, width, channels."""
        return *both(self.size), self.channels

    @property
    def text(self) -> str:
        """A summary for messages."""
        mean, std = ("/".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        way, grey = f"{written(self.resize)} ({self.interpolation})", self.channels == 1
        return f"{'grey, ' if grey else ''}resize {way}, crop {written(self.size)}, mean {mean}, std {std}"

    def crop(self, image: Image.Image) -> Pixels:
        """Resize and crop an RGB picture of any size to uint8 pixels of `shape`."""
        if self.channels == 1:
            image = image.convert("L")
        scaled = self._scaled(*image.size)
        if scaled != image.size:
            image = image.resize(scaled, FILTERS[self.interpolation])
        height, width, channels = self.shape
        left, top = (round((side - kept) / 2.0) for side, kept in zip(scaled, (width, height), strict=True))
        cut = np.asarray(image.crop((left, top, left + width, top + height)), np.uint8)
        return cut.reshape(height, width, channels)

    def _scaled(self, width: int, height: int) -> tuple[int, int]:
        """The width and height of a picture after resizing."""
        if not isinstance(self.resize, int):
            return self.resize[1], self.resize[0]
        short = min(width, height)
        return self.resize * width // short, self.resize * height // short

    def normalise(self, pixels: NDArray[np.uint8]) -> Tensor32:
        """(..., C) uint8 pixels to (..., C) float32 values, each operation rounded to float32."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        unit: Tensor32 = pixels.astype(np.float32) / np.float32(255)
        centred: Tensor32 = unit - mean
        return centred / std

    def __call__(self, image: Image.Image) -> Tensor32:
        """Turn an RGB picture into the network's input, float32 of `shape`."""
        return self.normalise(self.crop(image))


@dataclass(frozen=True, slots=True, repr=False)
class Labels:
    """The classes in the order of the model's outputs; `ids` (such as WordNet ids) may be empty."""

    names: tuple[str, ...]
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ids and len(self.ids) != len(self.names):
            raise UsageError(f"{len(self.ids)} class ids for {len(self.names)} class names")

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.names[:3]))
        return f"Labels({shown}{', ...' if len(self) > 3 else ''}; {len(self)} classes)"

    def text(self) -> str:
        """The content of labels.txt: one name per line.

        Raises:
            UsageError: a name is not a single line of text that can be encoded as UTF-8.
        """
        for name in self.names:
            # A surrogate stands for a byte in a folder name that is not valid UTF-8.
            if name.splitlines() != [name] or any("\ud800" <= letter <= "\udfff" for letter in name):
                raise UsageError(
                    f"class name {name!r}: must be a single line of UTF-8 text for labels.txt; "
                    "rename the class"
                )
        return "".join(f"{name}\n" for name in self.names)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where weights come from.

    `source` is one of 'bundled', 'imagenet', 'file', 'memory', 'random', 'trained', 'ensemble'. They may be
    the `averaged` ones of a file that has raw ones as well.
    """

    source: str
    description: str
    sha256: str
    averaged: bool = False


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """An architecture's `name`, with preprocessing, classes and the origin of the weights."""

    name: str
    preprocess: Preprocess
    labels: Labels
    origin: Origin

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable data for a manifest or a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`; a missing or unknown field is a `UsageError`."""
        try:
            preprocess = dict(data["preprocess"])
            for key in ("size", "resize", "mean", "std"):
                value = preprocess[key]
                preprocess[key] = tuple(value) if isinstance(value, list) else value
            labels = {key: tuple(value) for key, value in data["labels"].items()}
            return cls(data["name"], Preprocess(**preprocess), Labels(**labels), Origin(**data["origin"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"not a valid edgewise model description: {error!r}") from error
