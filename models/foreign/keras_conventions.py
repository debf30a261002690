"""How the networks of keras.applications want their pictures, where the model itself does not scale them.

Each has a `preprocess_input` of its own, of which a file says nothing. The names of layers tell most networks
apart; the others, and networks of the user's own, most often take pixels from -1 to 1.
"""

import re
from dataclasses import dataclass
from typing import Any

from ..spec import PerChannel


@dataclass(frozen=True, slots=True)
class Convention:
    """Mean and standard deviation on the [0, 1] scale, in the order RGB.

    With `reversed_channels` the network was trained on BGR, as networks from Caffe are.
    """

    way: str
    mean: PerChannel
    std: PerChannel
    reversed_channels: bool = False


_UNIT = (1 / 255, 1 / 255, 1 / 255)
_MEAN_COLOUR = (123.68 / 255, 116.779 / 255, 103.939 / 255)
_BGR = "pixels in the order BGR, which is built in, less their mean; with --mean and --std it takes RGB"
USUAL = Convention("the preprocessing of tf.keras.applications.mobilenet_v2", (0.5,) * 3, (0.5,) * 3)
BY_LAYER = {
    "conv2_block1_3_bn": Convention(
        f"the preprocessing of keras.applications.resnet ({_BGR})",
        _MEAN_COLOUR,
        _UNIT,
        reversed_channels=True,
    ),
    "block5_conv3": Convention(
        f"the preprocessing of keras.applications.vgg16 ({_BGR})", _MEAN_COLOUR, _UNIT, reversed_channels=True
    ),
    "conv2_block1_concat": Convention(
        "the preprocessing of keras.applications.densenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ),
}


def of(function: Any) -> Convention:
    """The convention of the network that the frozen TensorFlow function `function` is made of."""
    parts = {part for node in function.graph.as_graph_def().node for part in node.name.split("/")}
    names = {re.sub(r"_\d+$", "", part) for part in parts} | parts
    return next((found for layer, found in BY_LAYER.items() if layer in names), USUAL)
