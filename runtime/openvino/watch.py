"""What the INT8 layers of an .xml file compute from, on given pictures: see `runtime/products.py`."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...models.spec import Tensor32
from .. import running
from ..products import Activations, IntegerLayer, Watch
from .overflow import integer_layers
from .session import PLAIN, compiled_for, for_one_picture, read_model

if TYPE_CHECKING:
    import openvino as ov

_MOVES = {"Concat", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}  # values, unchanged
_MOST_LEVELS = 256
_EXACT = 0.05  # steps; what float32 leaves of values that lie on them


@dataclass(frozen=True, slots=True)
class _Steps:
    """The grid of a FakeQuantize: step 0 is `low`, and the last is `high`."""

    low: float
    high: float
    levels: int

    def of(self, values: Tensor32) -> Activations | None:
        """The step of each value; None if they do not lie on steps."""
        exact = (values.astype(np.float64) - self.low) * (self.levels - 1) / (self.high - self.low)
        steps = np.rint(exact)
        on = np.abs(exact - steps).max(initial=0) < _EXACT and steps.min() >= 0 and steps.max() < self.levels
        return steps.astype(np.uint8) if on else None

    @property
    def zero(self) -> int:
        """The step that stands for 0."""
        return round(min(max(-self.low / (self.high - self.low), 0), 1) * (self.levels - 1))


def watch(path: Path, names: Collection[str]) -> Watch:
    """A function that runs pictures and yields the activations of the layers `names`, those of `overflow`.

    The file is computed by plain arithmetic. Layers whose activations do not come from a FakeQuantize with
    one range are left out.
    """
    model = for_one_picture(path, read_model(path))
    layers: list[tuple[IntegerLayer, _Steps]] = []
    ends = []
    for operation, steps in integer_layers(model):
        source = operation.input_value(0)
        if steps is None or operation.get_friendly_name() not in names or _is_transposed(operation):
            continue
        if grid := _grid(source):
            layers.append((_described(operation, steps, grid.zero), grid))
            ends.append(source)
    first = len(model.outputs)
    if ends:
        model.add_outputs(ends)
    compiled = compiled_for(path, model, PLAIN)

    def run(batch: Tensor32) -> Iterator[tuple[IntegerLayer, Activations]]:
        for picture in batch:
            planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
            with running(path, "OpenVINO"):
                found = compiled(planes)
            for place, (layer, grid) in enumerate(layers):
                if (activations := grid.of(found[first + place])) is not None:
                    yield layer, activations

    return run


def _is_transposed(operation: "ov.Node") -> bool:
    """Whether it is a matrix product that takes its activations transposed, which no head does."""
    return bool(operation.get_attributes().get("transpose_a"))


def _grid(source: "ov.Output") -> _Steps | None:
    """The steps on which the values lie."""
    node = source.get_node()
    while node.get_type_name() in _MOVES:
        node = node.input_value(0).get_node()
    if node.get_type_name() != "FakeQuantize":
        return None
    ends = [node.input_value(place).get_node() for place in (3, 4)]
    levels = int(node.get_attributes()["levels"])
    if any(end.get_type_name() != "Constant" or end.data.size != 1 for end in ends) or levels > _MOST_LEVELS:
        return None
    low, high = (float(end.data.item()) for end in ends)
    return _Steps(low, high, levels) if high > low else None


def _described(operation: "ov.Node", steps: NDArray[np.int8], zero: int) -> IntegerLayer:
    name, given = operation.get_friendly_name(), operation.get_attributes()
    if operation.get_type_name() == "MatMul":
        return IntegerLayer(name, steps)
    grouped = operation.get_type_name() == "GroupConvolution"
    groups = operation.input_value(1).get_shape()[0] if grouped else 1
    strides, dilations, before, after = (
        tuple(map(int, given[key])) for key in ("strides", "dilations", "pads_begin", "pads_end")
    )
    return IntegerLayer(name, steps, groups, strides, dilations, before, after, zero)
