"""The table against torchvision's own networks and figures."""

import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from edgewise.models import _imagenet
from edgewise.models.errors import MissingDependencyError, UsageError
from edgewise.models.zoo import Architecture, architectures, build, find

rows = pytest.mark.parametrize("row", architectures(), ids=lambda row: row.name)


@rows
def test_each_row_counts_right(row: Architecture) -> None:
    with torch.device("meta"):
        network, picture = build(row, 1000), torch.empty(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        network(picture)
    assert sum(parameter.numel() for parameter in network.parameters()) == row.parameters
    assert counter.get_total_flops() == 2 * row.macs


@rows
def test_each_row_agrees_with_torchvision(row: Architecture) -> None:
    meta = _imagenet.default_weights(row).meta
    assert meta["num_params"] == row.parameters
    assert meta["_ops"] == pytest.approx(row.macs / 1e9, abs=6e-4)  # rounded to a thousandth of 10^9
    assert meta["_metrics"]["ImageNet-1K"]["acc@1"] == pytest.approx(row.top1, abs=3)  # retrained


def test_torchvision_retrained_mobilenetv2() -> None:
    best = _imagenet.default_weights(find("mobilenetv2"))
    scores = {weights.name: weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] for weights in type(best)}
    assert scores == {"IMAGENET1K_V1": 71.878, "IMAGENET1K_V2": 72.154}
    assert best.name == "IMAGENET1K_V2"


@rows
def test_a_built_network_is_ready_to_run(row: Architecture) -> None:
    network = build(row, 7)
    assert not network.training
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


@pytest.mark.parametrize(
    "name", ["mobilenetv2", "mobilenet_v2", "MobileNetV2", "mobilenet-v2", " Mobilenet V2"]
)
def test_names_are_forgiving(name: str) -> None:
    assert find(name) is architectures()[0]


@pytest.mark.parametrize(
    ("name", "mend"),
    [("mobilnetv2", "did you mean mobilenetv2"), ("vgg", "choose one of mobilenetv2"), ("", "choose one of")],
)
def test_a_typo_is_a_usage_error_with_what_there_is(name: str, mend: str) -> None:
    with pytest.raises(UsageError, match=f"no model is called '{name}'; {mend}"):
        find(name)


def test_without_torchvision_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(
        MissingDependencyError, match=r"needs torchvision, .* pip install 'edgewise\[export\]'"
    ):
        build(find("mobilenetv2"), 10)
