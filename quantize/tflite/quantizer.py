"""Smaller TFLite files with ai-edge-quantizer: full INT8, or only the weights in INT8 or float16."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...export.artifact import Artifact
from ...export.graph import kernel_of_picture
from ...export.precision import Precision
from ...export.tflite.flatbuffer import pack, unpack
from ...export.tflite.layers import layers, operators
from ...export.tflite.metadata import attach
from ...models.errors import EdgewiseError, MissingDependencyError
from ...models.spec import Tensor32
from ..calibration import Calibration
from ..faithful import first_faithful
from ..recipe import Recipe
from ..refine import Refined
from ..tail import TailOperator, tail
from .calibrate import calibrated
from .plans import full_integer, half_weights, integer_weights
from .prepare import Ranges, prepare
from .refined_file import refined_files

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT
    from ai_edge_quantizer.recipe_manager import RecipeManager

_SIGNATURE, _ARGUMENT = "serving_default", "args_0"
_THREADS = 2


def quantize(
    artifact: Artifact, refined: Refined | None, calibration: Calibration, recipe: Recipe, out: Path
) -> Artifact:
    """Write `artifact`, with the refined weights if any, to `out`, quantized according to `recipe`.

    Without refined weights, float layers are identified by the names of the tensors that they write.

    Raises:
        MissingDependencyError: ai-edge-quantizer is not installed.
        ParityError: the file of the refined network does not compute it.
        EdgewiseError: the library cannot quantize this network, or a layer named in `recipe` does not exist.
    """
    _require_library()
    if refined and (found := kernel_of_picture(refined.network)) is not None:
        raise EdgewiseError(
            f"TFLite has no INT8 form of {found}, whose weights are computed from the picture; use "
            "--precision fp32 or fp16, or another target"
        )
    if refined is None:
        recipe = recipe.without_refinement()
    details = recipe.to_json() | (refined.to_json() if refined else {})
    made = Artifact(out, artifact.target, recipe.precision, recipe.io, artifact.spec, details)
    try:
        if refined:
            source = first_faithful(refined_files(artifact, refined, out), _answers, refined, calibration)
        else:
            source = unpack(artifact.path.read_bytes())
        if not recipe.activations:
            return _write(_run(pack(source), integer_weights()), made, "INT8 weights, float32 activations")
        plan = full_integer(recipe, [*_tensors(source, refined, recipe.float_layers), *_tail(source)])
        measured = refined.measured if refined else None
        ranges = prepare(source, calibrated(source, plan, measured, calibration, recipe.ranges))
        model = _run(pack(source), plan, ranges)
    except (ValueError, RuntimeError, KeyError) as error:
        raise EdgewiseError(f"ai-edge-quantizer cannot quantize {artifact.spec.name}: {error}") from error
    kind = f"INT8 but for {', '.join(recipe.float_layers)}" if recipe.float_layers else "full INT8"
    return _write(model, made, kind)


def halve(artifact: Artifact, out: Path) -> Artifact:
    """Write `artifact` with its weights in float16 to `out`.

    Raises:
        MissingDependencyError: ai-edge-quantizer is not installed.
        EdgewiseError: the library cannot convert it, or a weight is too large for float16.
    """
    _require_library()
    try:
        with np.errstate(over="raise"):
            model = _run(artifact.path.read_bytes(), half_weights())
    except FloatingPointError as error:
        raise EdgewiseError(
            f"{artifact.spec.name} has weights beyond 65504, the largest float16; use another --precision"
        ) from error
    except (ValueError, RuntimeError, KeyError) as error:
        raise EdgewiseError(
            f"ai-edge-quantizer cannot convert {artifact.spec.name} to float16: {error}"
        ) from error
    return _write(model, replace(artifact, path=out, precision=Precision.FP16), "float16 weights")


def _require_library() -> None:
    try:
        import ai_edge_quantizer.quantizer  # noqa: F401 - checks that it is installed
    except ImportError as error:
        raise MissingDependencyError("Quantizing TFLite", "export", "ai-edge-quantizer") from error


def _run(source: bytes, plan: "RecipeManager", ranges: Ranges | None = None) -> bytes:
    from ai_edge_quantizer.quantizer import Quantizer

    result = Quantizer(source, plan.get_quantization_recipe()).quantize(
        ranges, enable_progress_bar=False, enable_progress_report=False
    )
    return bytes(result.quantized_model)


def _write(model: bytes, artifact: Artifact, kind: str) -> Artifact:
    spec = artifact.spec
    described = f"{spec.name}, {kind}, weights: {spec.origin.description}"
    artifact.path.write_bytes(attach(model, spec, description=described))
    return artifact


def _answers(model: "ModelT", batch: Tensor32) -> Tensor32:
    """The logits of a float model for pictures (N, S, S, 3)."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_content=pack(model), num_threads=_THREADS).get_signature_runner(_SIGNATURE)
    return np.concatenate([next(iter(run(**{_ARGUMENT: picture[None]}).values())) for picture in batch])


def _tensors(model: "ModelT", refined: Refined | None, names: Iterable[str]) -> list[str]:
    """The tensors of `model` that the layers `names` write."""
    places = operators(model, layers(refined.network)) if refined else _by_output(model)
    if unknown := [name for name in names if name not in places]:
        raise EdgewiseError(
            f"{unknown[0]!r} cannot stay in float: the TFLite file has no layer of this name; "
            f"its {len(places)} layers are {', '.join(places)}"
        )
    return [model.subgraphs[0].tensors[places[name].outputs[0]].name.decode() for name in names]


def _tail(model: "ModelT") -> list[str]:
    """The tensors of the operators that stay in float after the last layer."""
    from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name

    graph = model.subgraphs[0]
    return tail(
        [
            TailOperator(
                graph.tensors[operator.outputs[0]].name.decode(),
                opcode_to_name(model, operator.opcodeIndex),
                operator.inputs,
                operator.outputs,
            )
            for operator in graph.operators
        ]
    )


def _by_output(model: "ModelT") -> "dict[str, OperatorT]":
    """The operators of `model` by the names of the tensors that they write."""
    graph = model.subgraphs[0]
    return {graph.tensors[operator.outputs[0]].name.decode(): operator for operator in graph.operators}
