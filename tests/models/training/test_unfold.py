"""Unfolding batch norms that were folded by torch's own fusion."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgewise.models.training.unfold import is_folded, unfold


@pytest.fixture
def trained() -> nn.Module:
    """Two blocks with batch norm statistics from data."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4)
    )
    for norm in network:
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        norm.momentum = None
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias)
    with torch.no_grad():
        network.train()(pictures())
    return network.eval()


@pytest.fixture
def folded(trained: nn.Module) -> nn.Module:
    """The same after a tool folded the norms and left identities that contain the bias."""
    network = copy.deepcopy(trained)
    for conv, norm in ((0, 1), (3, 4)):
        fused = fuse_conv_bn_eval(network[conv], network[norm])  # type: ignore[index]
        bias = fused.bias.detach().clone()
        nn.init.zeros_(fused.bias)
        identity = nn.BatchNorm2d(len(bias))
        identity.running_var.fill_(1 - identity.eps)  # type: ignore[union-attr]
        identity.bias.data.copy_(bias)
        network[conv], network[norm] = fused, identity.eval()  # type: ignore[operator]
    return network


def pictures(count: int = 16) -> Tensor:
    return torch.randn(count, 3, 12, 12, generator=torch.Generator().manual_seed(1)) * 3 + 1


def test_only_norms_with_initial_statistics_are_detected_as_folded(
    trained: nn.Module, folded: nn.Module
) -> None:
    assert [is_folded(module) for module in folded] == [False, True, False, False, True]  # type: ignore[attr-defined]
    assert not any(map(is_folded, trained))  # type: ignore[call-overload]
    assert not is_folded(nn.BatchNorm2d(4)), "an untrained one is not folded"


def test_the_outputs_do_not_change(folded: nn.Module) -> None:
    before = folded(pictures())
    assert unfold(folded, torch.split(pictures(), 4)) == 2
    torch.testing.assert_close(folded(pictures()), before, rtol=1e-4, atol=1e-5)
    assert not any(map(is_folded, folded))  # type: ignore[call-overload]


def test_only_an_unfolded_network_stays_the_same_in_training(folded: nn.Module) -> None:
    exact = folded(pictures())
    broken = copy.deepcopy(folded).train()(pictures())
    unfold(folded, [pictures()])
    error = (folded.train()(pictures()) - exact).norm() / exact.norm()
    assert error < 1e-4
    assert (broken - exact).norm() / exact.norm() > 0.1


def test_other_networks_are_not_changed(trained: nn.Module) -> None:
    before = copy.deepcopy(trained.state_dict())
    assert unfold(trained, [pictures()]) == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in trained.state_dict().items())
