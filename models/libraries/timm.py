"""timm's networks by name, with or without the tag of their weights: 'resnet50', 'resnet50.a1_in1k'."""

import math
import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import MissingDependencyError
from ..sizes import both, simplest
from ..spec import Preprocess
from . import Options, Published
from .names import pick

if TYPE_CHECKING:
    from torch import nn

_HUB = "https://huggingface.co/{}/resolve/main/model.safetensors"
_DIGEST = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # the start of the sha256 at the end of a file name


def names() -> list[str]:
    """See `Library.names`."""
    return list(_names())


def build(builder: str, classes: int, options: Options) -> "nn.Module":
    """See `Library.build`; the option `channel_multiplier` makes MobileNetV1 narrower."""
    name = _known(builder)
    network: nn.Module
    if "channel_multiplier" in options:
        # timm's public builders fix the width, so only the private generator can change it.
        generator: Any = import_module("timm.models.efficientnet")
        network = generator._gen_mobilenet_v1(name, num_classes=classes, **options)  # noqa: SLF001
    else:
        network = _timm().create_model(name, num_classes=classes, **options)
    return network.eval()


def preprocess(builder: str) -> Preprocess:
    """See `Library.preprocess`."""
    config = _config(builder)
    if config is None:
        return Preprocess()
    size = simplest(tuple(config.input_size[1:]))
    height, width = (max(side, math.floor(side / config.crop_pct)) for side in both(size))
    return Preprocess(
        size=size,
        resize=height if isinstance(size, int) and config.crop_mode != "squash" else (height, width),
        mean=tuple(config.mean),
        std=tuple(config.std),
        interpolation=config.interpolation,
    )


def published(builder: str, options: Options) -> Published | None:
    """See `Library.published`."""
    config = _config(builder)
    if config is None or options or config.num_classes != 1000 or not config.has_weights:
        return None
    if config.crop_mode not in {"center", "squash"} or config.crop_pct > 1:  # `Preprocess` does not pad
        return None
    # Files on the hub use timm's current tensor names; those at the other address may not.
    url = _HUB.format(config.hf_hub_id) if config.hf_hub_id else config.url
    digest = _DIGEST.search(url)
    name = f"timm {config.architecture}.{config.tag}" if config.tag else f"timm {config.architecture}"
    return Published(name, url, digest[1] if digest else "", preprocess(builder))


def _config(builder: str) -> Any:
    return _timm().get_pretrained_cfg(_known(builder))


def _known(builder: str) -> str:
    known = {name: name for name in _names()}
    return pick(builder, known, "timm network", "timm.list_models() lists them all")


@cache
def _names() -> tuple[str, ...]:
    timm = _timm()
    return tuple(sorted({*timm.list_models(), *timm.list_pretrained()}))


def _timm() -> Any:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise MissingDependencyError("This network", "timm", error.name or "timm") from error
    return timm
