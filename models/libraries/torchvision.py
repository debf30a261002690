"""torchvision's classification networks, without the auxiliary training heads that some have."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import MissingDependencyError
from ..spec import Preprocess
from . import Options, Published
from .names import pick

if TYPE_CHECKING:
    from torch import nn

# With their published weights, torchvision's versions take pictures normalised with ImageNet's mean and std
# and re-normalise them to these values inside. Ours take pictures that are already normalised this way.
_INCEPTIONS = ("googlenet", "inception_v3")
_INCEPTION_MEAN = _INCEPTION_STD = (0.5, 0.5, 0.5)


def names() -> list[str]:
    """See `Library.names`."""
    models = _models()
    return sorted(models.list_models(module=models))  # the subpackages hold detection, video and more


def build(builder: str, classes: int, options: Options) -> "nn.Module":
    """See `Library.build`."""
    name = _known(builder)
    more = dict(options)
    if name in _INCEPTIONS:
        more = {"aux_logits": False, "init_weights": False, **more}
    elif name.startswith("vit_"):  # built for one input size: that of its weights
        more = {"image_size": preprocess(name).size, **more}
    network: nn.Module = _models().get_model(name, weights=None, num_classes=classes, **more)
    return network.eval()


def preprocess(builder: str) -> Preprocess:
    """See `Library.preprocess`."""
    preset = _weights(builder).transforms()
    inception = _known(builder) in _INCEPTIONS
    return Preprocess(
        size=preset.crop_size[0],
        resize=preset.resize_size[0],
        mean=_INCEPTION_MEAN if inception else tuple(preset.mean),
        std=_INCEPTION_STD if inception else tuple(preset.std),
        interpolation=preset.interpolation.value,
    )


def published(builder: str, options: Options) -> Published | None:
    """See `Library.published`."""
    weights = _weights(builder)
    if options:  # such as another width
        return None
    digest = Path(urlsplit(weights.url).path).stem.rpartition("-")[2]  # at the end of the file name
    return Published(f"torchvision {weights}", weights.url, digest, preprocess(builder))


def _weights(builder: str) -> Any:
    return _models().get_model_weights(_known(builder)).DEFAULT


def _known(builder: str) -> str:
    known = {name: name for name in names()}
    return pick(builder, known, "torchvision network", f"it has {', '.join(known)}")


def _models() -> Any:
    try:
        import torchvision
    except ModuleNotFoundError as error:
        raise MissingDependencyError("Loading a network", "export", error.name or "torchvision") from error
    return torchvision.models
