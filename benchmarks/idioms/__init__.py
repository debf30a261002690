"""Small networks, each with one operator or idiom of the classifiers of timm and torchvision."""

from collections.abc import Callable, Mapping

from torch import nn

from . import activations, attention, convolutions, layout, normalisation, pooling, weights

GROUPS: Mapping[str, Mapping[str, Callable[[], nn.Module]]] = {
    "convolutions": convolutions.NETWORKS,
    "computed weights": weights.NETWORKS,
    "pooling and resizing": pooling.NETWORKS,
    "normalisation": normalisation.NETWORKS,
    "activations": activations.NETWORKS,
    "attention and sequences": attention.NETWORKS,
    "layout and arithmetic": layout.NETWORKS,
}
