"""The layers that lose most: a broken one is found."""

import copy
from pathlib import Path

import numpy as np
import pytest

from edgewise.export._artifact import Artifact
from edgewise.export._graph import Network, parameter
from edgewise.models.spec import Tensor32
from edgewise.quantize._calibration import Calibration
from edgewise.quantize._refine import Refined
from edgewise.quantize.tflite import quantize
from edgewise.runtime.layers import worst_layers
from edgewise.runtime.tflite import layer_outputs


def with_outlier(network: Network) -> Network:
    """A copy whose last layer has a weight so large that INT8 rounds the others to nothing.

    The weight reads a channel that is always zero, so that in float it makes no difference.
    """
    copied = copy.deepcopy(network)
    nodes = {node.target: node for node in copied.graph.find_nodes(op="get_attr")}
    bias = next(name for name in nodes if str(name).startswith("6.") and "bias" in str(name))
    parameter(copied, nodes[bias]).data[0] = -1e3
    parameter(copied, nodes["12.weight"]).data[:, 0] = 1e3
    return copied


def test_a_broken_layer_is_the_worst(
    tiny_float: Artifact,
    tiny_graph: Network,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
) -> None:
    broken = Refined(tiny_graph, with_outlier(tiny_graph), 0, 0)
    file = quantize(tiny_float, broken, tiny_calibration, "int8", tmp_path / "int8.tflite")
    assert file.source is not None
    found = worst_layers(file.source, file.path, tiny_pictures[:4], 20)
    assert (found[0].operator, found[0].shape) == ("FULLY_CONNECTED", (1, 6))
    assert found[0].sqnr_db < 5
    assert found[1].sqnr_db > found[0].sqnr_db + 10


def test_errors_are_sorted_and_few(tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32) -> None:
    file = tiny_int8["int8"]
    assert file.source is not None
    everything = worst_layers(file.source, file.path, tiny_pictures[:4], 100)
    values = [error.sqnr_db for error in everything]
    assert values == sorted(values)
    assert len(everything) > 10
    assert worst_layers(file.source, file.path, tiny_pictures[:4], 3) == everything[:3]
    kinds = {name: operator for name, (operator, _) in layer_outputs(file.path, tiny_pictures[:1]).items()}
    assert all(kinds[error.name] == error.operator for error in everything)


def test_a_file_has_no_error_against_itself(tiny_float: Artifact, tiny_pictures: Tensor32) -> None:
    assert worst_layers(tiny_float.path, tiny_float.path, tiny_pictures[:1], 5) == []


def test_the_error_is_that_of_the_formula(tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32) -> None:
    file = tiny_int8["float32"]
    assert file.source is not None
    errors = {error.name: error for error in worst_layers(file.source, file.path, tiny_pictures[:2], 100)}
    exact, ours = (
        np.stack([layer_outputs(path, tiny_pictures[i : i + 1])["6"][1] for i in range(2)])
        for path in (file.source, file.path)
    )
    expected = 10 * np.log10((exact**2).sum() / ((exact - ours) ** 2).sum())
    assert errors["6"].sqnr_db == pytest.approx(expected, abs=1e-3)
