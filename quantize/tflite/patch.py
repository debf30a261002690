"""Put refined weights into a TFLite file, which saves a second conversion of the network (7 s or more)."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ...export.graph import Network
from ...export.tflite.layers import layers, operators

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT


def patch(model: "ModelT", original: Network, refined: Network) -> bool:
    """Replace the weights and biases of `model`, which is of `original`, by those of `refined`, in place.

    Return False if a layer is not found, has a bias in the file that is not the network's own, or shares a
    tensor with another: an equalized network must be patched as a whole, so `model` is of no use then. The
    converter folds constants into biases, such as the 3 of `relu6(layer(x) + 3)`, and the network's bias
    alone would drop them.
    """
    from ai_edge_litert.schema_py_generated import BufferT

    before = layers(original)
    places = operators(model, before)
    tensors = model.subgraphs[0].tensors
    patched: set[int] = set()
    owners = Counter(tensor.buffer for tensor in tensors)
    for old, new in zip(before, layers(refined), strict=True):
        if old.name not in places:
            return False
        changes = (old.weight, new.weight), (old.bias, new.bias)
        for index, (own, content) in zip(places[old.name].inputs[1:], changes, strict=True):
            if index < 0 and not any(own) and not any(content):  # no bias in the file, and none needed
                continue
            tensor = tensors[index]
            data = model.buffers[tensor.buffer].data
            if index < 0 or index in patched or data is None or not _equal(data, own):
                return False
            patched.add(index)
            if owners[tensor.buffer] > 1:  # equal constants, such as zero biases, are stored once
                owners[tensor.buffer] -= 1
                tensor.buffer = len(model.buffers)
                model.buffers.append(BufferT())
            model.buffers[tensor.buffer].data = np.frombuffer(content, np.uint8)
    return True


def _equal(stored: Any, own: bytes) -> bool:
    """Whether both hold the same float32 values; a converter may turn -0 into 0."""
    return len(stored) == len(own) and np.array_equal(np.frombuffer(stored, "<f4"), np.frombuffer(own, "<f4"))
