"""TFLite files in LiteRT, with XNNPACK as it ships: on, and told how many threads to use."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..models.errors import EdgewiseError, MissingDependencyError
from ..models.spec import Tensor32
from . import checked

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

_CASTS = {"QUANTIZE", "DEQUANTIZE"}
_DELEGATE = "DELEGATE"


class TfliteSession:
    """A `Session` around one .tflite file; pictures go through one by one."""

    def __init__(self, path: Path, threads: int) -> None:
        self._interpreter = _open(path, num_threads=threads)
        self._input, self._output = _ends(self._interpreter)

    def __call__(self, batch: Tensor32) -> Tensor32:
        """(N, S, S, 3) normalised float32 pictures to (N, classes) float32 logits."""
        expected = tuple(self._input["shape"][1:].tolist())
        if batch.shape[1:] != expected:
            raise EdgewiseError(f"the model takes pictures of shape {expected}, found {batch.shape[1:]}")
        if not np.isfinite(batch).all():
            raise EdgewiseError("the pictures hold NaN or infinity, which INT8 arithmetic would hide")
        return checked(np.concatenate([self._one(picture[None]) for picture in batch]), len(batch))

    def _one(self, picture: Tensor32) -> Tensor32:
        self._interpreter.set_tensor(self._input["index"], _to_type(picture, self._input))
        self._interpreter.invoke()
        return _to_float(self._interpreter.get_tensor(self._output["index"]), self._output)

    @property
    def output_step(self) -> float:
        """The value of one step (LSB) of a quantized model's logits; 0 for a float model."""
        return _last_scale(self._interpreter, self._output)


@dataclass(frozen=True, slots=True)
class Structure:
    """What a file really is.

    `operators` counts them by type. `float_operators` compute in float32; QUANTIZE and DEQUANTIZE at the
    ends do not count. `partitions` is how many pieces XNNPACK took, 0 without it, and `whole` says that a
    single one spans the model from end to end, casts aside.
    """

    operators: dict[str, int]
    float_operators: int
    partitions: int
    whole: bool
    input: dict[str, Any]
    output: dict[str, Any]


def open_session(path: Path, threads: int) -> TfliteSession:
    """Open a .tflite file; raises as `edgewise.runtime.open_session` says."""
    return TfliteSession(path, threads)


def structure(path: Path) -> Structure:
    """Read back from the file, as the runtime prepared it, which operators run where and in which type."""
    interpreter = _open(path)
    types = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    nodes = interpreter._get_ops_details()  # noqa: SLF001 - the one place that tells delegation
    delegates = [node for node in nodes if node["op_name"] == _DELEGATE]
    operators = [node for node in nodes if node["op_name"] != _DELEGATE]
    in_float = [
        node
        for node in operators
        if node["op_name"] not in _CASTS and any(types.get(index) is np.float32 for index in node["outputs"])
    ]
    source, target = _ends(interpreter)
    whole = len(delegates) == 1 and all(
        not ends.isdisjoint(delegates[0][side])
        for side, ends in zip(("inputs", "outputs"), _ends_and_casts(operators, source, target), strict=True)
    )
    return Structure(
        operators=dict(sorted(Counter(node["op_name"] for node in operators).items())),
        float_operators=len(in_float),
        partitions=len(delegates),
        whole=whole,
        input=_describe(source),
        output=_describe(target),
    )


def layer_outputs(path: Path, picture: Tensor32) -> dict[str, tuple[str, Tensor32]]:
    """Type and dequantized output of every operator, by tensor name, for one (1, S, S, 3) picture."""
    interpreter = _open(path, experimental_preserve_all_tensors=True)
    source, _ = _ends(interpreter)
    interpreter.set_tensor(source["index"], _to_type(picture, source))
    interpreter.invoke()
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    outputs = {}
    for node in interpreter._get_ops_details():  # noqa: SLF001 - there is no public list of operators
        tensor = tensors.get(node["outputs"][0]) if node["op_name"] not in {_DELEGATE, *_CASTS} else None
        if tensor is not None:
            value = _to_float(interpreter.get_tensor(tensor["index"]), tensor)
            outputs[tensor["name"]] = (node["op_name"], value)
    return outputs


def _open(path: Path, **options: Any) -> "Interpreter":
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingDependencyError("Running TFLite", "tflite", "ai-edge-litert") from error
    try:
        interpreter = Interpreter(str(path), **options)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        raise EdgewiseError(f"{path.name}: LiteRT cannot open it ({str(error).splitlines()[0]})") from error
    return interpreter


def _ends(interpreter: "Interpreter") -> tuple[dict[str, Any], dict[str, Any]]:
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise EdgewiseError(
            f"the model has {len(inputs)} inputs and {len(outputs)} outputs; need one of each"
        )
    return inputs[0], outputs[0]


def _ends_and_casts(
    operators: list[dict[str, Any]], source: dict[str, Any], target: dict[str, Any]
) -> tuple[set[int], set[int]]:
    """The model's first and last tensors, before and after the casts that XNNPACK may take or leave."""
    first, last = {source["index"]}, {target["index"]}
    for node in (node for node in operators if node["op_name"] in _CASTS):
        if source["index"] in node["inputs"]:
            first.add(node["outputs"][0])
        if target["index"] in node["outputs"]:
            last.add(node["inputs"][0])
    return first, last


def _describe(tensor: dict[str, Any]) -> dict[str, Any]:
    scale, zero_point = tensor["quantization"]
    return {
        "dtype": np.dtype(tensor["dtype"]).name,
        "shape": [int(side) for side in tensor["shape"]],
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def _to_type(value: Tensor32, tensor: dict[str, Any]) -> NDArray[Any]:
    """Real / scale + zero point, rounded and clipped, where the tensor is an integer one."""
    if tensor["dtype"] is np.float32:
        return value
    scale, zero_point = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    steps = np.round(value / np.float32(scale)) + zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max), tensor["dtype"])


def _to_float(value: NDArray[Any], tensor: dict[str, Any]) -> Tensor32:
    """(integer - zero point) * scale, where the tensor is an integer one."""
    scale, zero_point = tensor["quantization"]
    if value.dtype == np.float32 or scale == 0:
        return value.astype(np.float32)
    return (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def _last_scale(interpreter: "Interpreter", output: dict[str, Any]) -> float:
    """The scale of the output, or of the integer tensor that a last DEQUANTIZE reads."""
    if output["quantization"][0]:
        return float(output["quantization"][0])
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    for node in interpreter._get_ops_details():  # noqa: SLF001
        if node["op_name"] == "DEQUANTIZE" and node["outputs"][0] == output["index"]:
            return float(tensors[node["inputs"][0]]["quantization"][0])
    return 0.0
