"""Load a network from a name, a file or a module in memory."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..models import weights as _weights
from ..models.in_memory import of_module
from ..models.model import Model
from ..models.overrides import Channels, ClassNames, Overrides, PathLike, Resize
from ..models.sizes import Size
from .request import ModelLike

if TYPE_CHECKING:
    from torch import nn


def load_model(
    model: PathLike,
    *,
    weights: PathLike = "auto",
    mean: Channels | None = None,
    std: Channels | None = None,
    imgsz: Size | None = None,
    resize: Resize | None = None,
    channels: int | None = None,
    interpolation: str | None = None,
    labels: ClassNames | None = None,
    ema: bool = False,
) -> Model:
    """Load a network with its weights, as `convert` does; `from_torch` takes a module in memory.

    Assumptions about the model are listed in its `notices`.

    Args:
        model: A network of the zoo by its name, `timm:NAME`, `torchvision:NAME`, `net.py:factory`, or the
            path of a model file (a checkpoint, `.pt2`, `.keras`, `.h5` or a SavedModel).
        weights: `imagenet`, `bundled`, `random`, or the path of a state dict; `auto` takes the first of
            `imagenet` and `bundled` that is available.
        mean: Mean of the pixels on the [0, 1] scale, one number or three, for weights that do not record it.
        std: Standard deviation of the pixels, in the same form.
        imgsz: Size of the network's input in pixels: the side of a square, or (height, width).
        resize: How a picture is resized before its centre is cropped, in pixels: the length of its shorter
            side, (height, width) whatever its proportions, or `squash` for the size of the input.
        channels: Channels of the network's input, 3 for RGB or 1 for grey; what the network takes without it.
        interpolation: Filter that resizes pictures: `nearest`, `box`, `bilinear`, `hamming`, `bicubic` or
            `lanczos`; that of the weights without it, or `bilinear`.
        labels: Names of the classes in the order of the outputs, or a text file with one per line.
        ema: Use the averaged weights (EMA, SWA) of a checkpoint that has raw ones as well.

    Raises:
        UsageError: There is no such model or file, or weights or labels do not fit it.
        MissingDependencyError: The library of that network is not installed.
        EdgewiseError: Weights cannot be downloaded or read, or are not finite.
    """
    notices: list[str] = []
    overrides = Overrides.of(
        mean=mean,
        std=std,
        imgsz=imgsz,
        resize=resize,
        labels=labels,
        channels=channels,
        interpolation=interpolation,
    )
    loaded = _weights.load_model(os.fspath(model), os.fspath(weights), overrides, notices.append, ema=ema)
    return replace(loaded, notices=tuple(notices))


def from_torch(
    module: "nn.Module",
    *,
    name: str | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    imgsz: Size | None = None,
    resize: Resize | None = None,
    channels: int | None = None,
    interpolation: str | None = None,
    labels: ClassNames | None = None,
) -> Model:
    """Make a model of a module in memory: a copy of it on the CPU, in evaluation mode and float32.

    `convert` also takes the module itself; use this to name it, or to see the assumptions in `notices`.

    Args:
        module: Takes pictures as (N, C, H, W) float32 and returns (N, classes) logits,
            or (N, 1) for two classes.
        name: What its bundles are called; the name of its class without it.
        mean: Mean of the pixels on the [0, 1] scale, one number or three; ImageNet's without it.
        std: Standard deviation of the pixels, in the same form.
        imgsz: Size of the network's input in pixels: the side of a square, or (height, width);
            224 without it.
        resize: How a picture is resized before its centre is cropped, in pixels: the length of its shorter
            side, (height, width) whatever its proportions, or `squash` for the size of the input; without it
            256 / 224 of a square `imgsz`, and `squash` for any other.
        channels: Channels of the network's input, 3 for RGB or 1 for grey; what the network takes without it.
        interpolation: Filter that resizes pictures: `nearest`, `box`, `bilinear`, `hamming`, `bicubic` or
            `lanczos`; `bilinear` without it.
        labels: Names of the classes in the order of the outputs, or a text file with one per line.

    Raises:
        UsageError: It is not a module that classifies pictures of that size, or the labels do not fit.
        EdgewiseError: A weight is NaN or infinite.
    """
    overrides = Overrides.of(
        mean=mean,
        std=std,
        imgsz=imgsz,
        resize=resize,
        labels=labels,
        channels=channels,
        interpolation=interpolation,
    )
    return of_module(module, overrides, name)


def loaded(
    model: ModelLike,
    weights: PathLike,
    overrides: Overrides,
    announce: Callable[[str], None],
    *,
    ema: bool = False,
) -> Model:
    """Load `model`, or take it as it is; `announce` gets its notices.

    Raises like `load_model` and `from_torch`.
    """
    if isinstance(model, str | os.PathLike):
        return _weights.load_model(os.fspath(model), os.fspath(weights), overrides, announce, ema=ema)
    if not isinstance(model, Model):
        model = of_module(model, overrides)
    for notice in model.notices:
        announce(notice)
    return model
