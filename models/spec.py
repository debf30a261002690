"""The description of a model: input, preprocessing, classes, origin of the weights. Needs no torch.

`Preprocess` is the only place where a picture becomes a tensor. Training, calibration, evaluation, export and
the device all call it, and every bundle stores it, so that they cannot differ.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import UsageError

Pixels: TypeAlias = NDArray[np.uint8]  # (S, S, 3), RGB
Tensor32: TypeAlias = NDArray[np.float32]
RGB: TypeAlias = tuple[float, float, float]

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_LARGEST_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Resize the shorter side, crop the centre, scale to [0, 1], normalise.

    `size` and `resize` are in pixels; `mean` and `std` are per channel on the [0, 1] scale. Resizing is
    Pillow's, with antialiasing: the same arithmetic as torchvision's `Resize` and `CenterCrop` on PIL images.
    """

    size: int = 224
    resize: int = 256
    mean: RGB = (0.485, 0.456, 0.406)
    std: RGB = (0.229, 0.224, 0.225)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.resize <= _LARGEST_SIZE:
            raise UsageError(
                f"image size {self.size} and resize {self.resize} do not fit: "
                f"need 1 <= --imgsz <= --resize <= {_LARGEST_SIZE}"
            )
        if {len(self.mean), len(self.std)} != {3} or min(self.std) <= 0:
            raise UsageError(f"mean {self.mean} and std {self.std}: need three numbers each, std above 0")
        if self.interpolation not in _FILTERS:
            raise UsageError(f"interpolation {self.interpolation!r}: choose one of {', '.join(_FILTERS)}")

    @property
    def text(self) -> str:
        """A summary for messages."""
        mean, std = ("/".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"resize {self.resize} ({self.interpolation}), crop {self.size}, mean {mean}, std {std}"

    def crop(self, image: Image.Image) -> Pixels:
        """Resize and crop an RGB picture of any size: (size, size, 3) uint8."""
        width, height = image.size
        short = min(width, height)
        scaled = (self.resize * width // short, self.resize * height // short)
        if scaled != image.size:
            image = image.resize(scaled, _FILTERS[self.interpolation])
        left, top = (round((side - self.size) / 2.0) for side in scaled)
        return np.asarray(image.crop((left, top, left + self.size, top + self.size)), np.uint8)

    def normalise(self, pixels: NDArray[np.uint8]) -> Tensor32:
        """(..., 3) uint8 pixels to (..., 3) float32 values, each operation rounded to float32."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        unit: Tensor32 = pixels.astype(np.float32) / np.float32(255)
        centred: Tensor32 = unit - mean
        return centred / std

    def __call__(self, image: Image.Image) -> Tensor32:
        """Turn an RGB picture into the network's input, (size, size, 3) float32."""
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
            preprocess.update(mean=tuple(preprocess["mean"]), std=tuple(preprocess["std"]))
            labels = {key: tuple(value) for key, value in data["labels"].items()}
            return cls(data["name"], Preprocess(**preprocess), Labels(**labels), Origin(**data["origin"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"not a valid edgewise model description: {error!r}") from error
