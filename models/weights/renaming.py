"""Names that tensors have in files of other versions and implementations, in a library's current naming."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")  # Inception's training heads, which we do not build
_OLD_NAMES = (  # in torchvision's own files: DenseNet, ViT
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)"), r"\1\2"),
    (re.compile(r"(\.mlp)\.linear_1\."), r"\1.0."),
    (re.compile(r"(\.mlp)\.linear_2\."), r"\1.3."),
)
# EfficientNet-PyTorch counts all blocks, timm those of each stage.
_LITE_BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(\w+)")
_STAGE = re.compile(r"(blocks\.\d+\.\d+)\.")
_LITE_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_LITE_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_LITE_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def understood(tensors: "Mapping[str, torch.Tensor]", expected: Collection[str]) -> "dict[str, torch.Tensor]":
    """The tensors by the names that the network expects, without auxiliary heads."""
    blocks = list(dict.fromkeys(match[1] for name in expected if (match := _STAGE.match(name))))
    found = {}
    for name, tensor in tensors.items():
        new = next((new for new in _current(name, tensors, blocks) if new in expected), name)
        if new in expected or not name.startswith(_AUXILIARY):
            found[new] = tensor
    return found


def _current(name: str, names: Collection[str], blocks: list[str]) -> Iterable[str]:
    """What the tensor may be called now."""
    yield name
    new = name
    for pattern, current in _OLD_NAMES:
        new = pattern.sub(current, new)
    yield new
    if match := _LITE_BLOCK.fullmatch(name):
        number, layer, part = int(match[1]), match[2], match[3]
        expands = f"_blocks.{number}._expand_conv.weight" in names
        layers = _LITE_EXPANDING if expands else _LITE_PLAIN
        if number < len(blocks) and layer in layers:
            yield f"{blocks[number]}.{layers[layer]}.{part}"
    else:
        layer, _, part = name.partition(".")
        yield f"{_LITE_OUTSIDE.get(layer, layer)}.{part}"
