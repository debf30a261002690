"""The 1000 ImageNet classes."""

from pathlib import Path

from .errors import MissingDependencyError
from .spec import Labels, classes_of

CLASSES = 1000
_IDS = Path(__file__).with_name("imagenet_ids.txt")


def labels() -> Labels:
    """The ILSVRC 2012 classes: torchvision's names, which are unique, and WordNet ids."""
    try:
        from torchvision.models import AlexNet_Weights
    except ModuleNotFoundError as error:
        raise MissingDependencyError("Naming a class", "export", error.name or "torchvision") from error
    names = AlexNet_Weights.DEFAULT.meta["categories"]  # the same for all of torchvision's weights
    return Labels(tuple(names), tuple(_IDS.read_text("ascii").split()))


def assumed_labels(outputs: int) -> Labels:
    """Default labels for a network without class names: 1000 outputs are taken to be ImageNet's."""
    if outputs == CLASSES:
        return labels()
    return Labels(tuple(f"class {index}" for index in range(classes_of(outputs))))
