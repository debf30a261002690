"""Put refined weights into a TFLite file, which saves a second conversion of the network (7 s or more)."""

import copy
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...export.graph import Network
from ...export.tflite.layers import layers, operators

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT

_ROUNDING = 1e-6  # of float32, relative


def patch(model: "ModelT", original: Network, refined: Network) -> bool:
    """Replace the weights and biases of `model`, which is of `original`, by those of `refined`, in place.

    Return False if a layer is not found, or has a bias in the file that is not the network's own plus one
    number: an equalized network must be patched as a whole, so `model` is of no use then. The converter adds
    such numbers, such as the 3 of `relu6(layer(x) + 3)`, and leaves biases of zeros out, which are added.
    Layers that share a tensor, such as a bias of zeros, get one each.
    """
    before = layers(original)
    places, constants = operators(model, before), _Constants(model)
    for old, new in zip(before, layers(refined), strict=True):
        if old.name not in places:
            return False
        inputs = places[old.name].inputs
        for position, (own, changed) in enumerate(((old.weight, new.weight), (old.bias, new.bias)), start=1):
            index = inputs[position]
            if index < 0:  # a bias that the file does not have
                if any(own):
                    return False
                if any(changed):
                    inputs[position] = constants.add(b"%s/bias" % old.name.encode(), changed)
            elif (added := constants.added(index, own)) is None:
                return False
            elif own != changed:
                inputs[position] = constants.replace(index, np.frombuffer(changed, "<f4") + added)
    return True


class _Constants:
    """The tensors of a model that its operators do not write."""

    def __init__(self, model: "ModelT") -> None:
        self._buffers, self._tensors = model.buffers, model.subgraphs[0].tensors
        self._readers = Counter(at for operator in model.subgraphs[0].operators for at in operator.inputs)
        self._owners = Counter(tensor.buffer for tensor in self._tensors)

    def added(self, index: int, own: bytes) -> np.float32 | None:
        """The number that was added to each of the float32 values `own`; None if it was not just one."""
        stored = self._buffers[self._tensors[index].buffer].data
        if stored is None or len(stored) != len(own):
            return None
        values, before = np.frombuffer(stored, "<f4"), np.frombuffer(own, "<f4")
        added: np.float32 = np.median(values - before)
        close = np.allclose(values, before + added, rtol=_ROUNDING, atol=_ROUNDING * abs(added))
        return added if close else None

    def replace(self, index: int, values: NDArray[np.float32]) -> int:
        """Store `values` for one of the readers of a tensor; returns the tensor to read."""
        tensor = self._tensors[index]
        if self._readers[index] > 1:
            self._readers[index] -= 1
            index, tensor = len(self._tensors), copy.copy(tensor)
            tensor.name = b"%s_%d" % (tensor.name, index)
            self._owners[tensor.buffer] += 1
            self._tensors.append(tensor)
        if self._owners[tensor.buffer] > 1:  # equal constants, such as zero biases, are stored once
            self._owners[tensor.buffer] -= 1
            tensor.buffer = self._new_buffer()
        self._buffers[tensor.buffer].data = values.astype("<f4").view(np.uint8)
        return index

    def add(self, name: bytes, values: bytes) -> int:
        """Store float32 `values` in a new tensor; returns it."""
        from ai_edge_litert.schema_py_generated import TensorT, TensorType

        shape = np.array([len(values) // 4], np.int32)
        tensor = TensorT(shape=shape, type=TensorType.FLOAT32, buffer=self._new_buffer(), name=name)
        tensor.hasRank = True
        self._buffers[tensor.buffer].data = np.frombuffer(values, np.uint8)
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _new_buffer(self) -> int:
        from ai_edge_litert.schema_py_generated import BufferT

        self._buffers.append(BufferT())
        return len(self._buffers) - 1
