"""Put refined weights into a TFLite file, which saves a second conversion of the network (7 s or more)."""

import copy
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ...export.graph import Network
from ...export.tflite.layers import layers, operators

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT


def patch(model: "ModelT", original: Network, refined: Network) -> bool:
    """Replace the weights and biases of `model`, which is of `original`, by those of `refined`, in place.

    Return False if a layer is not found, or has a bias in the file that is not the network's own: an
    equalized network must be patched as a whole, so `model` is of no use then. The converter folds constants
    into biases, such as the 3 of `relu6(layer(x) + 3)`, and the network's bias alone would drop them. Layers
    that share a tensor, such as a bias of zeros, get one each.
    """
    from ai_edge_litert.schema_py_generated import BufferT

    before = layers(original)
    places = operators(model, before)
    tensors = model.subgraphs[0].tensors
    readers = Counter(index for operator in model.subgraphs[0].operators for index in operator.inputs)
    owners = Counter(tensor.buffer for tensor in tensors)
    for old, new in zip(before, layers(refined), strict=True):
        if old.name not in places:
            return False
        changes = (old.weight, new.weight), (old.bias, new.bias)
        inputs = places[old.name].inputs
        for position, (own, content) in enumerate(changes, start=1):
            index = inputs[position]
            if index < 0 and not any(own) and not any(content):  # no bias in the file, and none needed
                continue
            tensor = tensors[index]
            data = model.buffers[tensor.buffer].data
            if index < 0 or data is None or not _equal(data, own):
                return False
            if own == content:
                continue
            if readers[index] > 1:
                readers[index] -= 1
                tensor = copy.copy(tensor)
                tensor.name = b"%s_%d" % (tensor.name, len(tensors))
                owners[tensor.buffer] += 1
                inputs[position] = len(tensors)
                tensors.append(tensor)
            if owners[tensor.buffer] > 1:  # equal constants, such as zero biases, are stored once
                owners[tensor.buffer] -= 1
                tensor.buffer = len(model.buffers)
                model.buffers.append(BufferT())
            model.buffers[tensor.buffer].data = np.frombuffer(content, np.uint8)
    return True


def _equal(stored: Any, own: bytes) -> bool:
    """Whether both hold the same float32 values; a converter may turn -0 into 0."""
    return len(stored) == len(own) and np.array_equal(np.frombuffer(stored, "<f4"), np.frombuffer(own, "<f4"))
