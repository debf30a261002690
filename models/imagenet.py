"""The thousand classes of ImageNet."""

from pathlib import Path

from .errors import MissingDependencyError
from .spec import Labels

CLASSES = 1000
_IDS = Path(__file__).with_name("imagenet_ids.txt")


def labels() -> Labels:
    """The classes of ILSVRC 2012: torchvision's names, in which each is unique, and WordNet ids."""
    try:
        from torchvision.models import AlexNet_Weights
    except ModuleNotFoundError as error:
        raise MissingDependencyError("naming a class", "export", error.name or "torchvision") from error
    names = AlexNet_Weights.DEFAULT.meta["categories"]  # as all of its weights have them
    return Labels(tuple(names), tuple(_IDS.read_text("ascii").split()))


def assumed_labels(classes: int) -> Labels:
    """What the outputs of a network that does not name them are taken for: a thousand are ImageNet's."""
    return labels() if classes == CLASSES else Labels(tuple(f"class {index}" for index in range(classes)))
