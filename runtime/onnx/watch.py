"""What the INT8 layers of an .onnx file compute from, on given pictures: see `runtime/products.py`."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...models.spec import Tensor32
from .. import running
from ..products import Activations, IntegerLayer, Watch
from .overflow import integer_layers
from .session import opened, options, prepared

if TYPE_CHECKING:
    from onnx import NodeProto

# The integer operators whose activations are tensors, and where the zero point of these is.
_ZERO = {
    "QLinearConv": 2,
    "ConvInteger": 2,
    "QGemm": 2,
    "QLinearMatMul": 2,
    "MatMulInteger": 2,
    "MatMulIntegerToFloat": 4,
}


def watch(path: Path, names: Collection[str]) -> Watch:
    """A function that runs pictures and yields the activations of the layers `names`, those of `overflow`.

    The graph is the one that ONNX Runtime runs, with products added in 32 bits. Layers whose activations are
    not a tensor of this graph are left out.
    """
    import onnx
    from onnx import numpy_helper

    with TemporaryDirectory() as folder:
        file = prepared(path, Path(folder))
        model = onnx.load(file)
        constants = {tensor.name: tensor for tensor in model.graph.initializer}
        layers: dict[str, list[IntegerLayer]] = defaultdict(list)
        for node, name, steps in integer_layers(model.graph, file.parent):
            if name in names and steps is not None and node.op_type in _ZERO:
                place = _ZERO[node.op_type]
                zero = constants.get(node.input[place]) if len(node.input) > place else None
                value = np.zeros(1, np.uint8) if zero is None else numpy_helper.to_array(zero)
                if (layer := _described(node, name, steps, _unsigned(value).flat[0].item())) is not None:
                    layers[node.input[0]].append(layer)
        known = {value.name for value in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in layers if name not in known)
        onnx.save(model, file)
        session = opened(file, options("ORT_ENABLE_EXTENDED", 1, exact=True))
    source, wanted = session.get_inputs()[0].name, list(layers)

    def run(batch: Tensor32) -> Iterator[tuple[IntegerLayer, Activations]]:
        for picture in batch:
            planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
            with running(path, "ONNX Runtime"):
                tensors = session.run(wanted, {source: planes}) if wanted else []
            for name, values in zip(wanted, tensors, strict=True):
                for layer in layers[name]:
                    yield layer, _unsigned(values)

    return run


def _unsigned(values: NDArray[Any]) -> Activations:
    """Activations as the kernels multiply them, which add 128 to signed ones."""
    offset = 128 if values.dtype == np.int8 else 0
    return (values.astype(np.int16) + offset).astype(np.uint8)


def _described(node: "NodeProto", name: str, steps: NDArray[np.int8], zero: int) -> IntegerLayer | None:
    """A layer whose activations have that zero point; None if its padding follows from the picture's size."""
    sides = steps.ndim - 2
    if "Conv" not in node.op_type:
        return IntegerLayer(name, steps)
    given: dict[str, Any] = {entry.name: entry.i or [*entry.ints] or entry.s for entry in node.attribute}
    if given.get("auto_pad", b"").startswith(b"SAME"):
        return None
    pads = given.get("pads") or [0] * 2 * sides
    return IntegerLayer(
        name,
        steps,
        given.get("group", 1),
        tuple(given.get("strides") or [1] * sides),
        tuple(given.get("dilations") or [1] * sides),
        tuple(pads[:sides]),
        tuple(pads[sides:]),
        zero,
    )
