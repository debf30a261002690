"""Classify pictures with a bundle: the same preprocessing, engine and labels wherever it runs."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..models.errors import UsageError
from ..models.images import read_image, rgb_of
from . import open_session
from .bundle import Bundle
from .first_opening import require_sound
from .judge.stats import softmax, top_k

ImageLike: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """A class that a model gives a picture: its index and name, and the model's probability for it."""

    index: int
    label: str
    probability: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"class": self.index, "label": self.label, "probability": self.probability}


class Classifier:
    """An opened bundle, which classifies pictures; made by `open_bundle`.

    `bundle` describes it: its labels and preprocessing are `bundle.spec`. `notice` is a sentence where they
    could not be compared with the model file for want of a library, else None. Several threads may use one
    classifier; with LiteRT and OpenVINO they take turns, so open one in each thread to run in parallel.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        self.notice = require_sound(bundle, bundle.model)
        self._session = open_session(bundle.model, bundle.target, threads)

    def __repr__(self) -> str:
        bundle = self.bundle
        found = f"{bundle.target} {bundle.precision}, {len(self.labels)} classes"
        return f"<Classifier {bundle.name}: {found}, {bundle.folder}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the model's outputs."""
        return self.bundle.spec.labels.names

    def logits(self, images: ImageLike | Iterable[ImageLike]) -> NDArray[np.float32]:
        """The (N, classes) float32 logits of pictures; see `predict`."""
        prepared = [self.bundle.spec.preprocess(_rgb(image)) for image in _listed(images)]
        if not prepared:
            raise UsageError("there is no picture to classify")
        return np.concatenate([self._session(picture[None]) for picture in prepared])

    def predict(self, images: ImageLike | Iterable[ImageLike], top: int = 5) -> list[list[Answer]]:
        """The `top` likeliest classes of each picture, the likeliest first.

            (answers,) = classifier.predict("photo.jpg")
            answers[0].label, answers[0].probability

        Args:
            images: One picture or several: paths, pictures of Pillow, uint8 arrays, (H, W, 3) in RGB order or
                (H, W) in grey, or one (N, H, W, 3) array. Each is resized and cropped as the bundle says.
            top: Number of classes; all where there are fewer.

        Returns:
            A list of answers for each picture, also where there is one picture alone.

        Raises:
            UsageError: There is no picture, or it is something else.
            EdgewiseError: A picture cannot be read.
        """
        if top < 1:
            raise UsageError(f"top {top}: must be at least 1")
        names = self.labels
        return [
            [Answer(int(index), names[index], float(share[index])) for index in top_k(row, top)]
            for row in self.logits(images)
            for share in (softmax(row),)
        ]


def open_bundle(path: str | os.PathLike[str], threads: int = 1) -> Classifier:
    """Open a bundle to classify pictures with it. Needs NumPy, Pillow and the bundle's engine.

    Args:
        path: The bundle's folder, or a `Bundle` such as `convert` returns.
        threads: Threads of the engine.

    Raises:
        UsageError: There is no such bundle.
        MissingDependencyError: The engine is not installed.
        EdgewiseError: The bundle is damaged, or its manifest does not describe its model file.
    """
    if threads < 1:
        raise UsageError(f"threads {threads}: must be at least 1")
    return Classifier(Bundle.open(Path(path)), threads)


def _listed(images: ImageLike | Iterable[ImageLike]) -> Sequence[ImageLike]:
    """The pictures as a list, one alone included."""
    if isinstance(images, np.ndarray):
        return list(images) if images.ndim == 4 else [images]
    if isinstance(images, Iterable) and not isinstance(images, Image.Image | str | os.PathLike | bytes):
        return list(images)
    return [images]


def _rgb(image: ImageLike) -> Image.Image:
    if isinstance(image, Image.Image):
        return rgb_of(image)
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image))
    if not isinstance(image, np.ndarray):
        raise UsageError(
            f"a {type(image).__name__} is not a picture; pass a path, a Pillow image or a uint8 array"
        )
    grey = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    if grey.dtype != np.uint8 or grey.ndim not in {2, 3} or grey.shape[2:] not in {(), (3,)} or not grey.size:
        raise UsageError(
            f"a picture is {image.dtype} {image.shape}; need uint8 (H, W, 3) in RGB order, or (H, W) in grey"
        )
    return rgb_of(Image.fromarray(grey))
