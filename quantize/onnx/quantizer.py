"""Smaller ONNX files: INT8 by ONNX Runtime's own quantizer, or only the weights in INT8 or float16.

Activations are unsigned and weights signed (U8S8), which is fastest in ONNX Runtime on x86. The file has
QuantizeLinear and DequantizeLinear around float operators (QDQ), which the runtime fuses at load time.
"""

import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...export.artifact import Artifact
from ...export.engines import importing
from ...export.graph import first_line
from ...export.onnx.exporter import save
from ...export.onnx.graph import INPUT, onnx_graph
from ...export.precision import Precision
from ...models.errors import EdgewiseError, UsageError
from ...models.scratch import scratch_folder
from ...models.spec import Tensor32
from ..calibration import Calibration
from ..faithful import first_faithful
from ..measured import Measured
from ..recipe import Recipe
from ..refine import Refined
from ..tail import TailOperator, tail
from .calibrate import Reader, of_softmax, write_ranges
from .islands import isolate, nodes_of, unsupported
from .overflow import overrides
from .patch import patch
from .rewrites import rewrite
from .scales import absorb
from .weights import store_halves, store_integers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import ModelProto


def quantize(
    artifact: Artifact, refined: Refined | None, calibration: Calibration, recipe: Recipe, out: Path
) -> Artifact:
    """Write `artifact`, with the refined weights if any, to `out`, quantized according to `recipe`.

    Raises:
        MissingDependencyError: onnx or onnxruntime is not installed.
        UsageError: `recipe` asks for integer inputs and outputs, which are not supported for ONNX.
        ParityError: the graph of the refined network does not compute it.
        EdgewiseError: the library cannot quantize this network, or a layer named in `recipe` does not exist.
    """
    if recipe.io != "float32":
        raise UsageError(f"--io {recipe.io} is only for tflite: ONNX inputs and outputs are float32")
    _require_libraries()
    import onnx

    if refined:
        source = first_faithful(_refined_graphs(artifact, refined), _answers, refined, calibration)
    else:
        source = onnx.load(artifact.path)
        recipe = recipe.without_refinement()
    details = recipe.to_json() | (refined.to_json() if refined else {})
    made = Artifact(out, artifact.target, recipe.precision, recipe.io, artifact.spec, details)
    if not recipe.activations:
        store_integers(source)
        return save(source, made)
    try:
        with scratch_folder() as folder:
            measured = refined.measured if refined else None
            model, islands = _quantized(source, measured, calibration, recipe, folder)
    except EdgewiseError:
        raise
    except Exception as error:  # the library raises many types
        raise EdgewiseError(
            f"ONNX Runtime cannot quantize {artifact.spec.name}: {first_line(error)}"
        ) from error
    absorb(model)
    isolate(model, islands)
    return save(model, made)


def halve(artifact: Artifact, out: Path) -> Artifact:
    """Write `artifact` with its weights in float16 to `out`.

    Raises:
        MissingDependencyError: onnx is not installed.
        EdgewiseError: a weight is too large for float16.
    """
    _require_libraries()
    import onnx

    model = onnx.load(artifact.path)
    store_halves(model)
    return save(model, replace(artifact, path=out, precision=Precision.FP16))


def _require_libraries() -> None:
    with importing("Quantizing ONNX", "export"):
        import onnx  # noqa: F401 - checks that they are installed
        import onnxruntime.quantization  # noqa: F401


def _refined_graphs(artifact: Artifact, refined: Refined) -> "Iterator[ModelProto]":
    """Float graphs of the refined network: the exported one changed, if it can be; a second conversion."""
    import onnx

    model = onnx.load(artifact.path)
    if patch(model, refined.original, refined.network):
        if refined.rewrites:
            rewrite(model)
        yield model
    yield copy.deepcopy(onnx_graph(refined.network, artifact.spec.preprocess.shape))


def _answers(model: "ModelProto", batch: Tensor32) -> Tensor32:
    """The logits of a float graph for pictures (N, H, W, C)."""
    from onnxruntime import InferenceSession

    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    planes = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
    logits: Tensor32 = session.run(None, {INPUT: planes})[0]
    return logits


def _quantized(
    source: "ModelProto", measured: Measured | None, calibration: Calibration, recipe: Recipe, folder: Path
) -> tuple["ModelProto", list[str]]:
    """The INT8 model, and the names of the nodes that stay in float."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    exported, prepared, quantized, ranges = (
        folder / name for name in ("exported.onnx", "prepared.onnx", "quantized.onnx", "ranges.json")
    )
    onnx.save(source, exported)
    # Plain shape inference is enough; symbolic shape inference would need SymPy.
    quant_pre_process(exported, prepared, skip_symbolic_shape=True)
    model = onnx.load(prepared)
    shares = {}
    if measured:
        shares = of_softmax(model, write_ranges(model, measured, calibration, recipe.ranges, ranges))
    grids = overrides(model, recipe) if recipe.no_overflow else {}
    if grids:
        onnx.save(model, prepared)
    nodes = [TailOperator(node.name, node.op_type, node.input, node.output) for node in model.graph.node]
    islands = [*nodes_of(model, recipe.float_layers), *tail(nodes), *unsupported(model)]
    quantize_static(
        prepared,
        quantized,
        None if measured else Reader(calibration),
        per_channel=recipe.per_channel,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=islands,
        calibration_cache_path=ranges if measured else None,
        # The mean over all pictures, because an exponential average would depend on their order. Only the
        # ranges of each picture are kept in memory, so the options that collect them in parts do not help.
        extra_options={
            "CalibMovingAverage": recipe.ranges == "mean-min-max",
            "TensorQuantOverrides": grids | shares,
        },
    )
    return onnx.load(quantized), islands
