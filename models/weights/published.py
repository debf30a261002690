"""ImageNet weights, wherever they are: in an installed package, in torch.hub's cache or on a server."""

from pathlib import Path

from ..errors import UsageError
from ..zoo import Architecture, published
from .download import cached_file, fetch, is_at_hand
from .packaged import packaged


def description(architecture: Architecture) -> str | None:
    """What the weights are called; None where none are published."""
    if local := packaged(architecture):
        return local.description
    weights = published(architecture)
    return weights.description if weights else None


def is_here(architecture: Architecture) -> bool:
    """Whether the weights need no download."""
    if packaged(architecture):
        return True
    weights = published(architecture)
    return weights is not None and cached_file(weights).is_file()


def is_available(architecture: Architecture) -> bool:
    """Whether the weights are here, or their server answers."""
    if packaged(architecture):
        return True
    weights = published(architecture)
    return weights is not None and is_at_hand(weights)


def imagenet_file(architecture: Architecture) -> Path:
    """The file of the weights, downloaded unless it is here.

    Raises:
        UsageError: no weights are published for this network.
        EdgewiseError: they cannot be downloaded, or are damaged.
    """
    if local := packaged(architecture):
        return local.path()
    weights = published(architecture)
    if weights is None:
        raise UsageError(f"no ImageNet weights are published for {architecture.title}; pass --weights PATH")
    return fetch(weights)
