"""INT8 TFLite through ai-edge-quantizer: weights per channel, activations per tensor, min-max ranges.

Min-max on purpose: the library's default moving average clips and costs accuracy in every case measured.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..export import tflite
from ..export._artifact import Artifact
from ..export._tflite_metadata import attach
from ..models.errors import EdgewiseError, MissingDependencyError
from ._calibration import Calibration
from ._refine import Refined
from ._tflite_patch import patch

if TYPE_CHECKING:
    from ai_edge_quantizer.recipe_manager import RecipeManager

_SIGNATURE, _ARGUMENT = "serving_default", "args_0"
_THREADS = 2


def quantize(artifact: Artifact, refined: Refined, calibration: Calibration, io: str, out: Path) -> Artifact:
    """Write the full-integer form of `artifact` with the refined weights to `out`.

    Raises:
        MissingDependencyError: ai-edge-quantizer is not installed.
        EdgewiseError: the library cannot quantize this network.
    """
    try:
        from ai_edge_quantizer.quantizer import Quantizer
    except ImportError as error:
        raise MissingDependencyError("Quantizing TFLite", "export", "ai-edge-quantizer") from error

    source = _refined_file(artifact, refined, out.with_suffix(".float.tflite"))
    recipe = _recipe(io)
    try:
        ranges = _ranges(source, recipe, calibration)
        result = Quantizer(str(source), recipe.get_quantization_recipe()).quantize(
            ranges, enable_progress_bar=False, enable_progress_report=False
        )
    except (ValueError, RuntimeError, KeyError) as error:
        raise EdgewiseError(f"ai-edge-quantizer cannot quantize {artifact.spec.name}: {error}") from error
    described = f"{artifact.spec.name}, full INT8, weights: {artifact.spec.origin.description}"
    out.write_bytes(attach(bytes(result.quantized_model), artifact.spec, description=described))
    details = {
        "equalized_groups": refined.equalized_groups,
        "bias_corrected_layers": refined.corrected_layers,
    }
    return Artifact(out, artifact.target, "w8a8", io, artifact.spec, details, source)


def _refined_file(artifact: Artifact, refined: Refined, out: Path) -> Path:
    """A float file of the refined network: the exported one patched, or else a second conversion."""
    patched = patch(artifact.path.read_bytes(), refined.original, refined.network)
    if patched is None:
        return tflite.export(refined.network, artifact.spec, out).path
    out.write_bytes(patched)
    return out


def _recipe(io: str) -> "RecipeManager":
    """Everything in INT8; the ends in the type that `io` names."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.recipe import static_wi8_ai8
    from ai_edge_quantizer.recipe_manager import RecipeManager

    manager = RecipeManager()
    manager.load_quantization_recipe(static_wi8_ai8())
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        if io == "float32":
            manager.add_quantization_config(".*", end, algorithm_key=AlgorithmName.NO_QUANTIZE)
        elif io == "uint8":
            config = qtyping.OpQuantizationConfig(
                activation_tensor_config=qtyping.TensorQuantizationConfig(
                    num_bits=8, symmetric=False, dtype=qtyping.TensorDataType.UINT
                ),
                # The ends have no weights; the library's policy wants a weight type all the same.
                weight_tensor_config=qtyping.TensorQuantizationConfig(
                    num_bits=8, granularity=qtyping.QuantGranularity.CHANNELWISE
                ),
                compute_precision=qtyping.ComputePrecision.INTEGER,
            )
            manager.add_quantization_config(".*", end, config)
    return manager


def _ranges(model: Path, recipe: "RecipeManager", calibration: Calibration) -> dict[str, Any]:
    """The smallest and largest value of every tensor over the calibration pictures."""
    from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    calibrator = Calibrator(
        str(model),
        num_threads=_THREADS,
        mode=CalibrationMode.CALIBRATION_PROFILER_BASED,
        qsv_update_func=min_max_update,
    )
    # A list: the library reads it more than once, and a generator would be empty the second time.
    calibrator.calibrate({_SIGNATURE: [{_ARGUMENT: x} for x in calibration.inputs()]}, recipe)
    return dict(calibrator.get_model_qsvs())
