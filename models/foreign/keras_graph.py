"""Inspects a frozen TensorFlow function and changes it: precision, input scaling and order, final step."""

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..sizes import Size
from .tensorflow import tensorflow

_PASSED_ON = {"Identity", "Cast"}
_STEPS = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}
_PADDING = {"Pad", "PadV2", "MirrorPad"}
_RESIZING = {"ResizeArea", "ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor", "ScaleAndTranslate"}
_REORDERING = {"ConcatV2", "GatherV2", "Pack", "ReverseV2", "Split", "SplitV", "StridedSlice", "Unpack"}
_RESHAPING = {"ExpandDims", "Reshape", "Squeeze"}
# These move, select or interpolate pixels, which stay on their scale.
_MOVING = _PASSED_ON | _PADDING | _RESIZING | _REORDERING | _RESHAPING
_HALVES = ("float16", "bfloat16")
# The first constant applied to the pixels shows whether they are on the scale 0 to 255 or 0 to 1.
_SMALLEST_GAIN = 1 / 50
_LARGEST_MEAN = 1.5


def require_classifier(function: Any, path: Path) -> tuple[Size | None, int, int]:
    """The size of the picture, None if any is accepted, its channels, and the number of outputs.

    Raises:
        UsageError: it does not map one batch of pictures to one score per class.
    """
    inputs, outputs = ([_words(end) for end in ends] for ends in (function.inputs, function.outputs))
    expected = "need float32 pictures (N, H, W, 3) or (N, H, W, 1) and scores (N, classes)"
    found = f"{path}: takes {', '.join(inputs)} and returns {', '.join(outputs)}"
    if len(inputs) != 1 or len(outputs) != 1:
        raise UsageError(f"{found}; {expected}")
    picture, scores = (list(end[0].shape or ()) for end in (function.inputs, function.outputs))
    fits = len(picture) == 4 and picture[3] in {1, 3} and len(scores) == 2
    if not fits or function.inputs[0].dtype.name != "float32" or not scores[1]:
        raise UsageError(f"{found}; {expected}")
    if picture[0] is not None:
        raise UsageError(f"{found}: the batch size is fixed; save it with an input of shape (None, H, W, C)")
    _, height, width, channels = picture
    return None if None in {height, width} else (height, width), channels, scores[1]


def in_float32(function: Any) -> tuple[Any, tuple[str, ...]]:
    """`function` in float32, and the types in half precision that it computed in.

    Keras's policy mixed_float16 keeps weights in float32 and casts them and the activations to float16.
    """
    tf = tensorflow("Reading a Keras model")
    graph = function.graph.as_graph_def()
    halves = {tf.as_dtype(name).as_datatype_enum: name for name in _HALVES}
    whole = tf.float32.as_datatype_enum
    found: set[str] = set()
    for node in (*graph.node, *(node for inner in graph.library.function for node in inner.node_def)):
        for value in node.attr.values():
            found |= {
                halves[kind] for kind in (value.type, *value.list.type, value.tensor.dtype) if kind in halves
            }
            if value.type in halves:
                value.type = whole
            for index, kind in enumerate(value.list.type):
                if kind in halves:
                    value.list.type[index] = whole
            if value.tensor.dtype in halves:
                exact = tf.make_ndarray(value.tensor).astype(np.float32)
                value.tensor.CopyFrom(tf.make_tensor_proto(exact))
    return (_imported(function, graph), tuple(sorted(found))) if found else (function, ())


def without_final_step(function: Any) -> tuple[Any, str | None]:
    """`function` up to its logits, and the softmax or sigmoid that followed them, None without one."""
    last = function.outputs[0]
    while last.op.type in _PASSED_ON:
        last = last.op.inputs[0]
    step = _STEPS.get(last.op.type)
    logits = last.op.inputs[0] if step else function.outputs[0]
    return _imported(function, function.graph.as_graph_def(), logits.name), step


def takes_bytes(function: Any) -> bool:
    """Whether it starts by scaling pixels from 0 to 255, as Rescaling, Normalization and preprocess_input do.

    Pixels may be resized, and their channels reordered, before that.
    """
    first = _readers(function.inputs[0], _MOVING)
    return bool(first) and all(map(_scales_bytes, first))


def with_reversed_channels(function: Any) -> Any | None:
    """`function` for pictures whose channels are in reverse order; None if no convolution comes first.

    The kernel of the first convolution is reversed, so that nothing is computed in addition.
    """
    tf = tensorflow("Reading a Keras model")
    first = _readers(function.inputs[0], _PASSED_ON | _PADDING | _RESIZING)
    kernels = [
        _source(operator.inputs[1], {"Identity"}).op for operator in first if operator.type == "Conv2D"
    ]
    if not kernels or len(kernels) != len(first) or any(kernel.type != "Const" for kernel in kernels):
        return None
    graph = function.graph.as_graph_def()
    for node in graph.node:
        if node.name in {kernel.name for kernel in kernels}:
            reversed_ = np.ascontiguousarray(tf.make_ndarray(node.attr["value"].tensor)[:, :, ::-1])
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(reversed_))
    return _imported(function, graph)


def _imported(function: Any, graph: Any, output: str | None = None) -> Any:
    """The graph as a function with the inputs of `function`, and its output or the one called `output`."""
    compat = tensorflow("Cutting a Keras model").compat.v1
    wrapped = compat.wrap_function(lambda: compat.import_graph_def(graph, name=""), [])
    return wrapped.prune(function.inputs[0].name, output or function.outputs[0].name)


def _readers(pictures: Any, passing: set[str]) -> list[Any]:
    """The first operators that read the pictures, looking through those in `passing`; shapes do not count."""
    found, tensors = {}, [pictures]
    while tensors:
        for reader in tensors.pop().consumers():
            if reader.type in passing:
                tensors += reader.outputs
            elif reader.type != "Shape":
                found[reader.name] = reader
    return [*found.values()]


def _source(tensor: Any, passing: set[str]) -> Any:
    """Where `tensor` comes from, looking through the operators in `passing`."""
    while tensor.op.type in passing:
        tensor = tensor.op.inputs[0]
    return tensor


def _scales_bytes(operator: Any) -> bool:
    """Whether it multiplies or shifts pixels by a constant that only fits the scale from 0 to 255."""
    read = tensorflow("Reading a Keras model").get_static_value
    given = (read(_source(tensor, {"Identity", *_RESHAPING})) for tensor in operator.inputs)
    constants = [value for value in given if value is not None]
    if len(operator.inputs) != 2 or len(constants) != 1:
        return False
    largest = float(np.abs(constants[0]).max())
    shifted = largest > _LARGEST_MEAN
    return {
        "Mul": 0 < largest < _SMALLEST_GAIN,
        "RealDiv": largest > 1 / _SMALLEST_GAIN,
        "Sub": shifted,
        "AddV2": shifted,
        "BiasAdd": shifted,
    }.get(operator.type, False)


def _words(end: Any) -> str:
    sides = ", ".join("?" if side is None else str(side) for side in end.shape or ())
    return f"{end.dtype.name} ({sides})"
