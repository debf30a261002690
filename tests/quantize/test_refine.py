"""Refinement: a copy is changed, and the INT8 file gains by it."""

from pathlib import Path

import torch
from torch import nn

from edgewise.export._artifact import Artifact
from edgewise.export._graph import Network, trace
from edgewise.models.spec import Tensor32
from edgewise.quantize._calibration import Calibration
from edgewise.quantize._refine import Refined, refine
from edgewise.quantize.tflite import quantize
from edgewise.runtime.stats import agreement
from edgewise.runtime.tflite import TfliteSession


def test_the_original_is_left_untouched(tiny_network: nn.Module, tiny_calibration: Calibration) -> None:
    graph = trace(tiny_network, 32)
    before = {name: value.clone() for name, value in graph.state_dict().items()}
    refined = refine(graph, tiny_calibration)
    assert refined.original is graph
    assert all(torch.equal(value, before[name]) for name, value in graph.state_dict().items())
    after = refined.network.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert len(changed) == 12 + 6  # all biases; the weights that make and read the rescaled tensors


def test_what_was_done_is_counted(tiny_refined: Refined) -> None:
    assert (tiny_refined.equalized_groups, tiny_refined.corrected_layers) == (2, 12)


def test_the_int8_file_comes_closer_to_the_float_one(
    tiny_graph: Network,
    tiny_calibration: Calibration,
    tiny_float: Artifact,
    tiny_int8: dict[str, Artifact],
    tiny_pictures: Tensor32,
    tmp_path: Path,
) -> None:
    nothing = Refined(tiny_graph, tiny_graph, 0, 0)
    plain = quantize(tiny_float, nothing, tiny_calibration, "int8", tmp_path / "plain.tflite")
    exact, refined, unrefined = (
        TfliteSession(file.path, 1)(tiny_pictures) for file in (tiny_float, tiny_int8["int8"], plain)
    )
    assert agreement(exact, refined).sqnr_db > agreement(exact, unrefined).sqnr_db + 3
