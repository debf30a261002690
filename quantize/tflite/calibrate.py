"""The ranges of a TFLite file's tensors: those of the network, or measured by ai-edge-quantizer."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...export.tflite.flatbuffer import pack
from ...models.spec import Tensor32
from ..calibration import Calibration
from ..matching import Observe, tensor_ranges
from ..measured import Measured, Range
from .prepare import Ranges, padded

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT
    from ai_edge_quantizer.recipe_manager import RecipeManager
    from numpy.typing import NDArray

_SIGNATURE, _ARGUMENT = "serving_default", "args_0"
_THREADS = 2


def calibrated(
    model: "ModelT", plan: "RecipeManager", measured: Measured | None, calibration: Calibration, rule: str
) -> Ranges:
    """The range of every tensor of `model` that is computed from the picture, as the quantizer expects them.

    Without `measured`, which only networks of PyTorch have, the library runs all pictures.
    """
    if measured:
        found = _shared(model, measured, calibration, rule)
    else:
        found = _by_library(model, plan, calibration, rule)
    # The quantizer expects the rank of the tensor: otherwise it rejects a constant concatenated with
    # activations (ViT's class token).
    ranks = {tensor.name.decode(): len(tensor.shape) for tensor in model.subgraphs[0].tensors}
    return {
        name: {
            end: np.full((1,) * ranks[name], value, np.float32)
            for end, value in zip(("min", "max"), own, strict=True)
        }
        for name, own in found.items()
    }


def _shared(model: "ModelT", measured: Measured, calibration: Calibration, rule: str) -> Mapping[str, Range]:
    """The ranges of the network; a padded tensor has that of what is padded, and any range includes zero."""
    graph, pads = model.subgraphs[0], padded(model)
    places = [*graph.inputs, *[place for operator in graph.operators for place in operator.outputs]]
    tensors = [graph.tensors[place] for place in places]
    names = [tensor.name.decode() for tensor in tensors if tensor.type == 0]  # FLOAT32
    found = tensor_ranges(
        [name for name in names if name not in pads],
        lambda chosen: _observer(model, chosen),
        measured,
        calibration,
        rule,
    )
    for name, source in pads.items():
        found[name] = found[source]
    return found


def _observer(model: "ModelT", names: Sequence[str]) -> Observe:
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Warning: Enabling `experimental_preserve_all_tensors`", UserWarning
        )
        engine = Interpreter(
            model_content=pack(model), num_threads=_THREADS, experimental_preserve_all_tensors=True
        )
    engine.allocate_tensors()
    (entry,) = engine.get_input_details()
    places = {tensor.name.decode(): place for place, tensor in enumerate(model.subgraphs[0].tensors)}

    def observe(picture: Tensor32) -> "list[NDArray[Any]]":
        engine.set_tensor(entry["index"], picture)
        engine.invoke()
        return [engine.get_tensor(places[name]) for name in names]

    return observe


def _by_library(
    model: "ModelT", plan: "RecipeManager", calibration: Calibration, rule: str
) -> Mapping[str, Range]:
    """The ranges that ai-edge-quantizer measures; its mean over the pictures is an exponential one."""
    from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
    from ai_edge_quantizer.utils import qsv_utils

    updates = {"min-max": qsv_utils.min_max_update, "mean-min-max": qsv_utils.moving_average_update}
    calibrator = Calibrator(
        pack(model),
        num_threads=_THREADS,
        mode=CalibrationMode.CALIBRATION_PROFILER_BASED,  # the fastest
        qsv_update_func=updates[rule],
    )
    # A list, because the library iterates over it more than once.
    calibrator.calibrate({_SIGNATURE: [{_ARGUMENT: x} for x in calibration.inputs()]}, plan)
    return {
        name: Range(found["min"].item(), found["max"].item())
        for name, found in calibrator.get_model_qsvs().items()
    }
