"""Ranges that clip where it helps the logits, and only where it helps other pictures too."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgewise.export.graph import Network, trace
from edgewise.models.data.copies import Seen
from edgewise.models.spec import Preprocess
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine.ranges import least_error
from edgewise.quantize.refine.simulation import Ranges, rounded_nodes, simulate

SIZE, COUNT = 8, 64
CHOSEN = Recipe(ranges="least-error")


class Peaks(nn.Module):
    """Few values are far larger than the rest, and most of what they are is cut off later."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 16, 3, padding=1), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).sinh().clamp(-2, 2)
        return self.last(x.mean((2, 3)).flatten(1))  # type: ignore[no-any-return]


def calibration(seed: int, *, brighter: float = 1) -> Calibration:
    """Random pictures; those of the second half are `brighter` times as bright."""
    pixels = np.random.default_rng(seed).integers(0, 256, (COUNT, SIZE, SIZE, 3))
    pixels[: COUNT // 2] = (pixels[: COUNT // 2] / brighter).astype(int)
    prepare = Preprocess(size=SIZE, resize=SIZE, mean=(0.0,) * 3, std=(0.3,) * 3)
    return Calibration(pixels.astype(np.uint8), "pictures", 0, prepare, Seen(frozenset({"digest"})))


def planes(seen: Calibration) -> Tensor:
    return torch.from_numpy(seen.batch(COUNT)).permute(0, 3, 1, 2)


def error(graph: Network, seen: Calibration, ranges: Ranges) -> float:
    """The squared error of the logits with INT8 activations."""
    with torch.no_grad():
        exact, rounded = simulate(graph, planes(seen), Recipe(), weights=False, ranges=ranges)
    return float((exact - rounded).square().mean())


def widest(graph: Network, seen: Calibration) -> Ranges:
    """The minimum and maximum of each activation, and zero."""
    found: dict[torch.fx.Node, tuple[float, float]] = {}
    nodes = rounded_nodes(graph, Recipe())

    class Widest(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> object:
            value = super().run_node(n)
            if n in nodes:
                found[n] = min(0.0, value.min().item()), max(0.0, value.max().item())
            return value

    with torch.no_grad():
        Widest(graph).run(planes(seen))
    return found


def test_clipping_helps_pictures_that_it_was_not_chosen_from() -> None:
    graph, seen = trace(Peaks(), SIZE), calibration(0)
    ranges, measured = least_error(graph, seen, Recipe()), widest(graph, seen)
    (peaks,) = (node for node in measured if node.name == "sinh")
    assert ranges[peaks][1] < 0.9 * measured[peaks][1]
    assert all(
        measured[node][0] <= low <= high <= measured[node][1]
        for node, (low, high) in ranges.items()
        if node in measured
    )
    others = calibration(1)
    assert error(graph, others, ranges) < 0.8 * error(graph, others, measured)


def test_ranges_that_other_pictures_need_stay() -> None:
    graph, seen = trace(Peaks(), SIZE), calibration(0, brighter=1.6)
    ranges, measured = least_error(graph, seen, Recipe()), widest(graph, seen)
    for node, bounds in measured.items():
        assert ranges[node] == pytest.approx(bounds, rel=1e-5)


def test_values_that_are_only_moved_keep_their_range() -> None:
    graph = trace(Peaks(), SIZE)
    ranges = {node.name: bounds for node, bounds in least_error(graph, calibration(0), Recipe()).items()}
    assert ranges["flatten"] == ranges["mean"]
