"""Learned rounding: smaller errors of every kind of layer, and the very integers in the files."""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgewise.export import pairs
from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network, parameter, trace
from edgewise.export.tflite.flatbuffer import unpack
from edgewise.quantize import quantizer
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.quantize.refine.correction import correct_biases
from edgewise.quantize.refine.simulation import groups_of, is_layer, layer_name, simulate

if TYPE_CHECKING:
    from torch.fx import GraphModule

SIZE, LEARN = 12, Recipe(learn=True)


class Tokens(nn.Module):
    """A linear layer of tokens, as in attention."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.linear(x.flatten(2).mT)
        return mixed.mT


LAYERS = {
    "plain": lambda: nn.Conv2d(8, 6, 3),
    "strided": lambda: nn.Conv2d(8, 6, 3, stride=2, padding=1),
    "dilated": lambda: nn.Conv2d(8, 6, 3, padding=(1, 2), dilation=(1, 2)),
    "same": lambda: nn.Conv2d(8, 6, (3, 5), padding="same"),
    "grouped": lambda: nn.Conv2d(8, 6, 3, groups=2),
    "depthwise": lambda: nn.Conv2d(8, 8, 3, groups=8),
    "without bias": lambda: nn.Conv2d(8, 6, 1, bias=False),
    "tokens": Tokens,
}


def pictures(seed: int) -> Tensor:
    """Random pictures with a mean, of channels that depend on each other, as in photographs."""
    drawn = torch.randn(16, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)).abs()
    return drawn + 0.5 * drawn.roll(1, 1)


def network(layer: nn.Module) -> nn.Module:
    """The layer between a stem and a flattened output."""
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), layer, nn.Flatten()).eval()


def noise(graph: Network, exact: Network, seed: int, recipe: Recipe) -> float:
    """The mean squared error of the simulated INT8 network."""
    x = pictures(seed)
    with torch.no_grad():
        return float((simulate(graph, x, recipe).quantized - exact(x)).square().mean())


def made(layer: nn.Module, recipe: Recipe) -> tuple[Network, Network]:
    """The network with refined weights, and as it was."""
    torch.manual_seed(0)
    whole = network(layer)
    graphs = [trace(copy.deepcopy(whole), SIZE) for _ in range(2)]
    with torch.no_grad():
        correct_biases(graphs[0], pictures(1), recipe)
    return graphs[0], graphs[1]


@pytest.mark.parametrize("kind", LAYERS)
def test_every_kind_of_layer_loses_less_on_other_pictures(kind: str) -> None:
    torch.manual_seed(1)
    layer = LAYERS[kind]()
    learned, exact = made(layer, LEARN)
    nearest, _ = made(layer, Recipe())
    assert noise(learned, exact, 2, LEARN) < noise(nearest, exact, 2, Recipe())


def test_channels_that_are_always_zero_keep_their_weights() -> None:
    torch.manual_seed(1)
    whole = network(nn.Conv2d(8, 8, 3, groups=8))
    with torch.no_grad():
        whole.get_parameter("0.bias")[3] = -1e3
        whole.get_parameter("2.weight")[3] *= 1e-8
        graph = trace(copy.deepcopy(whole), SIZE)
        correct_biases(graph, pictures(1), LEARN)
    last = layers(graph)[-1]
    found = weight(graph, last)
    wanted = pairs.grid(whole.get_parameter("2.weight").detach().numpy(), per_channel=True, safe=False)
    np.testing.assert_allclose(found[3], wanted.values[3], rtol=1e-5)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("safe", [True, False])
def test_weights_lie_on_the_grid_a_step_away_from_the_nearest(*, per_channel: bool, safe: bool) -> None:
    recipe = Recipe(learn=True, per_channel=per_channel, no_overflow=safe)
    torch.manual_seed(2)
    learned, exact = made(nn.Conv2d(8, 16, 3), recipe)
    moved = 0
    for node, before in zip(layers(learned), layers(exact), strict=True):
        new, old = (weight(graph, one) for graph, one in ((learned, node), (exact, before)))
        wanted = pairs.grid(old, per_channel=per_channel, safe=safe)
        found = pairs.grid(new, per_channel=per_channel, safe=safe)
        np.testing.assert_allclose(found.scale, wanted.scale, rtol=1e-6)
        np.testing.assert_allclose(found.values, new, rtol=1e-5, atol=1e-9)
        assert np.abs(found.steps.astype(int) - wanted.steps).max() <= 1
        moved += int((found.steps != wanted.steps).sum())
        assert not safe or pairs.excess(found.steps)[0] == 0
    assert moved >= 5


def test_a_layer_that_is_too_wide_or_stays_in_float_is_left_alone() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(9216, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x.repeat(1, 8, 1, 1).flatten(1))  # type: ignore[no-any-return]

    for layer, recipe in ((Wide(), LEARN), (nn.Conv2d(8, 4, 1), Recipe(learn=True, float_layers=("2",)))):
        learned, exact = made(layer, recipe)
        last, before = layers(learned)[-1], layers(exact)[-1]
        np.testing.assert_array_equal(weight(learned, last), weight(exact, before))


@pytest.fixture(scope="module")
def refined(tiny_graph: "GraphModule", tiny_calibration: Calibration) -> dict[bool, Refined]:
    """The tiny network with learned weights; those of True cannot exceed 16 bits."""
    return {
        safe: refine(tiny_graph, tiny_calibration, Recipe(learn=True, no_overflow=safe))
        for safe in (True, False)
    }


@pytest.mark.parametrize(
    ("target", "safe"),
    [("tflite", False), *[(name, safe) for name in ("onnx", "openvino") for safe in (True, False)]],
)
def test_files_hold_the_very_integers(
    target: str,
    safe: bool,
    refined: dict[bool, Refined],
    onnx_float: Artifact,
    openvino_float: Artifact,
    tiny_float: Artifact,
    tiny_calibration: Calibration,
    tmp_path: Path,
) -> None:
    found, recipe = refined[safe], Recipe(learn=True, no_overflow=safe)
    artifact = {"onnx": onnx_float, "openvino": openvino_float, "tflite": tiny_float}[target]
    out = tmp_path / f"int8{artifact.path.suffix}"
    path = quantizer(target).quantize(artifact, found, tiny_calibration, recipe, out).path
    stored = {(held.shape, held.tobytes()) for held in STORED[target](path)}
    for node in layers(found.network):
        values, groups = weight(found.network, node), groups_of(node)
        alone = pairs.is_depthwise(values.shape, groups)
        steps = pairs.grid(values, per_channel=True, safe=safe and not alone).steps
        forms = {(form.shape, form.tobytes()) for form in _forms(steps, groups)}
        assert not stored.isdisjoint(forms), layer_name(node)


def layers(graph: Network) -> list[Any]:
    return [*filter(is_layer, graph.graph.nodes)]


def weight(graph: Network, node: Any) -> NDArray[np.float32]:
    values: NDArray[np.float32] = parameter(graph, node.args[1]).detach().numpy()
    return values


def _forms(steps: NDArray[np.int8], groups: int) -> Iterable[NDArray[np.int8]]:
    """Every layout in which a target stores a weight."""
    yield steps
    yield np.ascontiguousarray(steps.T)
    if steps.ndim == 4:
        yield np.ascontiguousarray(steps.transpose(0, 2, 3, 1))
        yield np.ascontiguousarray(steps.transpose(1, 2, 3, 0))
        yield steps.reshape(groups, -1, *steps.shape[1:])
    else:
        yield steps[:, None, None, :]
        yield steps[:, :, None, None]


def _of_onnx(path: Path) -> Iterable[NDArray[Any]]:
    import onnx

    return map(onnx.numpy_helper.to_array, onnx.load(path).graph.initializer)


def _of_openvino(path: Path) -> Iterable[NDArray[Any]]:
    import openvino as ov

    model = ov.Core().read_model(path)
    return [operation.data for operation in model.get_ops() if operation.get_type_name() == "Constant"]


def _of_tflite(path: Path) -> Iterable[NDArray[Any]]:
    model = unpack(path.read_bytes())
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None and tensor.type == 9:  # int8
            yield np.frombuffer(bytes(data), np.int8).reshape(tensor.shape)


STORED = {"onnx": _of_onnx, "openvino": _of_openvino, "tflite": _of_tflite}
