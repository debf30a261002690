"""What torchvision has for ImageNet: the weights of each architecture, their preprocessing and classes.

`weights` is a member of a torchvision `WeightsEnum` throughout.
"""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from .errors import EdgewiseError
from .images import sha256_of
from .spec import Labels, Preprocess
from .zoo import Architecture, torchvision

PATIENCE_S = 4.0  # for a sign of life, name resolution included: with all the rest, under five seconds
_STALL_S = 30.0  # for the next bytes of a download
_IDS = Path(__file__).with_name("imagenet_ids.txt")


def default_weights(architecture: Architecture) -> Any:
    """The weights that torchvision recommends."""
    return torchvision().models.get_model_weights(architecture.builder).DEFAULT


def preprocess_of(weights: Any) -> Preprocess:
    """The preprocessing with which torchvision judged the weights."""
    preset = weights.transforms()
    return Preprocess(
        size=preset.crop_size[0],
        resize=preset.resize_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=preset.interpolation.value,
    )


def labels_of(weights: Any) -> Labels:
    """The thousand classes of ILSVRC 2012: torchvision's names, in which each is unique, and WordNet ids."""
    return Labels(tuple(weights.meta["categories"]), tuple(_IDS.read_text("ascii").split()))


def cached_file(weights: Any) -> Path:
    """Where torch.hub keeps the file, whether it is there or not."""
    import torch

    return Path(torch.hub.get_dir(), "checkpoints", Path(urlsplit(weights.url).path).name)


def is_at_hand(weights: Any) -> bool:
    """Whether the file is cached, or its server offers it within `PATIENCE_S`."""
    if cached_file(weights).exists():
        return True
    answered = threading.Event()

    def ask() -> None:
        with suppress(OSError, HTTPException):
            urlopen(Request(weights.url, method="HEAD"), timeout=PATIENCE_S).close()  # noqa: S310 - https
            answered.set()

    # The timeout does not bound the look-up of the name. A thread can be left behind, a call cannot.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_S)
    return answered.is_set()


def fetch(weights: Any) -> Path:
    """The weights file, downloaded where it is not in torch.hub's cache yet.

    Raises:
        EdgewiseError: it cannot be downloaded, or the cached file is not the published one.
    """
    import torch

    path = cached_file(weights)
    expected = path.stem.rpartition("-")[2]  # torchvision's file names end in the start of their sha256
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _stalling_at_most(_STALL_S):
                torch.hub.download_url_to_file(weights.url, str(path), expected, progress=sys.stderr.isatty())
        except (OSError, HTTPException, RuntimeError) as error:
            raise EdgewiseError(
                f"{weights}: cannot be downloaded from {weights.url} ({error}); "
                "get that file on a machine that can, and give it by --weights PATH"
            ) from error
    if not sha256_of(path).startswith(expected):
        raise EdgewiseError(f"{path}: is damaged, its sha256 does not start with {expected}; delete it")
    return path


@contextmanager
def _stalling_at_most(seconds: float) -> Iterator[None]:
    """Bound each wait for the network, which torch.hub does not."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
