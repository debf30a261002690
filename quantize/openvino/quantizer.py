"""Smaller OpenVINO files: INT8 with NNCF, or only the weights in INT8 or float16.

Activations are quantized per tensor: NNCF's default, per channel before depthwise convolutions, overfits to
the calibration pictures. NNCF's bias correction and channel alignment are off, because `_refine` has done
both for all targets, and correcting twice costs accuracy. Networks that `_refine` cannot handle are corrected
by NNCF.
"""

import io
import logging
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...export.artifact import Artifact
from ...export.engines import importing
from ...export.graph import first_line
from ...export.openvino import exporter
from ...export.precision import Precision
from ...models.errors import EdgewiseError, UsageError
from ...models.spec import Tensor32
from ..calibration import Calibration
from ..faithful import first_faithful
from ..onnx.refined_graph import refined_graphs
from ..recipe import Recipe
from ..refine import Refined
from ..tail import TailOperator, tail
from .calibrate import quantized_by
from .overflow import replace_weights, weights_of
from .pooling import without_counted_padding
from .signal_stack import signal_stack_kept

if TYPE_CHECKING:
    import openvino as ov
    from nncf import AdvancedQuantizationParameters

_LARGEST_HALF = float(np.finfo(np.float16).max)


def quantize(
    artifact: Artifact, refined: Refined | None, calibration: Calibration, recipe: Recipe, out: Path
) -> Artifact:
    """Write `artifact`, with the refined weights if any, to `out`, quantized according to `recipe`.

    Raises:
        MissingDependencyError: nncf, openvino or onnx is not installed.
        UsageError: `recipe` asks for integer inputs and outputs, which are not supported for OpenVINO.
        ParityError: the model of the refined network does not compute it.
        EdgewiseError: NNCF cannot quantize this network, or a layer named in `recipe` does not exist.
    """
    if recipe.io != "float32":
        raise UsageError(f"--io {recipe.io} is only for tflite: OpenVINO inputs and outputs are float32")
    spec = artifact.spec
    if refined:
        graphs = refined_graphs(refined, spec.preprocess.shape)
        models = (exporter.read(graph, refined.network) for graph in graphs)
        model = first_faithful(models, _answers, refined, calibration)
    else:
        model = _read(artifact)
        recipe = replace(recipe, equalize=False, correct=recipe.correct and recipe.activations)
    if recipe.activations:
        floats = weights_of(model) if recipe.no_overflow and refined else {}
        model = _quantized(model, refined, calibration, recipe, spec.name)
        replace_weights(model, floats, per_channel=recipe.per_channel)
    else:
        _round_weights(model)
    exporter.describe(model, spec)
    details = recipe.to_json() | (refined.to_json() if refined else {})
    return Artifact(exporter.save(model, out), artifact.target, recipe.precision, recipe.io, spec, details)


def halve(artifact: Artifact, out: Path) -> Artifact:
    """Write `artifact` with its weights in float16 to `out`.

    Raises:
        MissingDependencyError: openvino is not installed.
        EdgewiseError: a weight is too large for float16.
    """
    model = _read(artifact)
    _require_half(model, artifact.spec.name)
    return replace(artifact, path=exporter.save(model, out, half=True), precision=Precision.FP16)


def _read(artifact: Artifact) -> "ov.Model":
    with importing("Compressing for OpenVINO", "export"):
        import openvino as ov
    return ov.Core().read_model(artifact.path)


def _answers(model: "ov.Model", batch: Tensor32) -> Tensor32:
    """The logits of a float model for pictures (N, S, S, 3)."""
    import openvino as ov

    planes = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
    with signal_stack_kept():
        compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return np.array(compiled(planes)[0], np.float32)


def _quantized(
    model: "ov.Model", refined: Refined | None, calibration: Calibration, recipe: Recipe, name: str
) -> "ov.Model":
    without_counted_padding(model)
    ignored = [*_operations(model, recipe.float_layers), *_tail(model)]
    with importing("Quantizing for OpenVINO", "export"):
        import nncf

    def prepare(pixels: NDArray[np.uint8]) -> Tensor32:
        return calibration.preprocess.normalise(pixels[None]).transpose(0, 3, 1, 2)

    options: dict[str, Any] = {
        "preset": nncf.QuantizationPreset.MIXED,  # asymmetric activations, which use the whole range
        "ignored_scope": nncf.IgnoredScope(names=ignored),
        "advanced_parameters": _parameters(recipe, refined=refined is not None),
    }
    nncf.set_log_level(logging.ERROR)
    try:
        with signal_stack_kept(), redirect_stdout(io.StringIO()):  # progress bars, which cannot be turned off
            if refined and refined.measured:
                picture = nncf.Dataset(calibration.pixels[:1], prepare)
                return quantized_by(model, refined.measured, calibration, recipe.ranges, picture, **options)
            pictures = nncf.Dataset(calibration.pixels, prepare)
            return nncf.quantize(model, pictures, subset_size=len(calibration.pixels), **options)
    except Exception as error:
        raise EdgewiseError(f"NNCF cannot quantize {name}: {first_line(error)}") from error


def _operations(model: "ov.Model", layers: tuple[str, ...]) -> list[str]:
    """Check that `model` has an operation for each of `layers`, and return their names."""
    found = {operation.get_friendly_name() for operation in model.get_ops()}
    if missing := [name for name in layers if name not in found]:
        raise EdgewiseError(
            f"{missing[0]!r} cannot stay in float: the OpenVINO file has no layer of this name"
        )
    return list(layers)


def _tail(model: "ov.Model") -> list[str]:
    """The names of the operations that stay in float after the last layer; Result computes nothing."""
    return tail(
        [
            TailOperator(
                operation.get_friendly_name(),
                operation.get_type_name(),
                [port.get_source_output().get_node().get_friendly_name() for port in operation.inputs()],
                [operation.get_friendly_name()],
            )
            for operation in model.get_ordered_ops()
            if operation.get_type_name() != "Result"
        ]
    )


def _parameters(recipe: Recipe, *, refined: bool) -> "AdvancedQuantizationParameters":
    from nncf import AdvancedQuantizationParameters, OverflowFix
    from nncf.quantization.advanced_parameters import QuantizationParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    # NNCF has no moving average; its default, the mean over the pictures, clips rare values too.
    ranges = {
        "min-max": RangeEstimatorParametersSet.MINMAX,
        "mean-min-max": RangeEstimatorParametersSet.MEAN_MINMAX,
    }
    return AdvancedQuantizationParameters(
        activations_quantization_params=QuantizationParameters(per_channel=False),
        activations_range_estimator_params=ranges[recipe.ranges],
        weights_quantization_params=QuantizationParameters(per_channel=recipe.per_channel),
        # Where NNCF corrects biases it must know the weights, so it also keeps them safe, in 7 bits.
        overflow_fix=OverflowFix.ENABLE if recipe.no_overflow and not refined else OverflowFix.DISABLE,
        disable_bias_correction=refined or not recipe.correct,
        disable_channel_alignment=True,
    )


def _require_half(model: "ov.Model", name: str) -> None:
    """Refuse weights that OpenVINO would clip silently."""
    for operation in model.get_ops():
        if operation.get_type_name() != "Constant" or not operation.get_output_element_type(0).is_real():
            continue
        if np.abs(operation.data).max(initial=0) > _LARGEST_HALF:
            raise EdgewiseError(
                f"{name} has weights beyond {_LARGEST_HALF:.0f}, the largest float16; use another --precision"
            )


def _round_weights(model: "ov.Model") -> None:
    """Store the weights of layers in INT8: symmetric, with one float32 scale per output channel.

    NNCF's `compress_weights` loses more: a cosine of 0.980 for MobileNetV2, compared with 0.986 here.
    """
    from openvino import opset8

    for operation in model.get_ordered_ops():
        source = operation.input_value(1).get_node() if operation.get_type_name() in exporter.LAYERS else None
        if source is None or source.get_type_name() != "Constant":
            continue
        weight = source.data
        # (out, in, ...), or (groups, out, in, ...) for grouped convolutions: `read` produces no other order.
        outer = 2 if operation.get_type_name() == "GroupConvolution" else 1
        scale = np.abs(weight).max(tuple(range(outer, weight.ndim)), keepdims=True) / np.float32(127)
        steps = np.round(np.divide(weight, scale, out=np.zeros_like(weight), where=scale > 0))
        rounded = opset8.convert(opset8.constant(steps.astype(np.int8)), "f32")
        restored = opset8.multiply(rounded, opset8.constant(scale))
        restored.set_friendly_name(f"{source.get_friendly_name()}/dequantized")
        operation.input(1).replace_source_output(restored.output(0))
    # Otherwise the CPU plugin quantizes the activations of matrix products as well.
    model.set_rt_info("0", ["runtime_options", "DYNAMIC_QUANTIZATION_GROUP_SIZE"])
