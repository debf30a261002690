"""torchvision's classification networks."""

from typing import TYPE_CHECKING, Any

from ..errors import MissingDependencyError
from ..spec import Preprocess
from . import Options, Published

if TYPE_CHECKING:
    from torch import nn


def names() -> list[str]:
    """All that it can build, sorted."""
    raise NotImplementedError


def build(builder: str, classes: int, options: Options) -> "nn.Module":
    """See `Library.build`."""
    network: nn.Module = getattr(_models(), builder)(weights=None, num_classes=classes, **options)
    return network.eval()


def preprocess(builder: str) -> Preprocess:
    """See `Library.preprocess`."""
    raise NotImplementedError


def published(builder: str, options: Options) -> Published | None:
    """See `Library.published`."""
    raise NotImplementedError


def _models() -> Any:
    try:
        import torchvision
    except ModuleNotFoundError as error:
        raise MissingDependencyError("loading a network", "export", error.name or "torchvision") from error
    return torchvision.models
