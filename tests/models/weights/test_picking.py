"""Weights below entries and prefixes of training scripts, raw and averaged, of the network and beside it."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from edgewise.models.checkpoint import load
from edgewise.models.errors import UsageError
from edgewise.models.weights import load_model
from edgewise.models.weights.fitting import fit
from edgewise.models.zoo import find

NAME = "shufflenetv2_050"
ROW, PATH = find(NAME), Path("net.pth")
NET = torchvision.models.shufflenet_v2_x0_5(num_classes=10)
PLAIN = NET.state_dict()
EMA = {name: tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in PLAIN.items()}


def below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def same(network: nn.Module, expected: dict[str, Tensor]) -> bool:
    found = network.state_dict()
    return all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "backbone.", "net.encoder."]
)
def test_the_prefix_of_a_wrapper_is_removed(prefix: str) -> None:
    network, notices = fit(ROW, {"state_dict": below(prefix, PLAIN)}, PATH)
    assert same(network, PLAIN)
    assert notices == ()


def test_a_name_of_the_network_itself_is_no_prefix(tmp_path: Path) -> None:
    """Its names all begin with `model.`, and so do those that it expects."""
    (tmp_path / "net.py").write_text(
        "import torchvision\n"
        "from torch import nn\n"
        "class Wrapper(nn.Module):\n"
        "    def __init__(self, num_classes=10):\n"
        "        super().__init__()\n"
        "        self.model = torchvision.models.shufflenet_v2_x0_5(num_classes=num_classes)\n"
        "    def forward(self, x):\n"
        "        return self.model(x)\n"
    )
    row = find(f"{tmp_path}/net.py:Wrapper")
    for prefix in ("", "module."):
        network, _ = fit(row, {"": below(f"{prefix}model.", PLAIN)}, PATH)
        assert same(network, below("model.", PLAIN))


def test_the_counter_of_an_averaged_model_is_left_out(tmp_path: Path) -> None:
    torch.save(AveragedModel(NET).state_dict(), tmp_path / "swa.pth")
    network, (notice,) = fit(ROW, load(tmp_path / "swa.pth").states, tmp_path / "swa.pth")
    assert same(network, PLAIN)
    assert notice == "swa.pth: n_averaged is not part of the network and left out"


def test_the_weights_of_a_loss_are_left_out_and_named() -> None:
    lightning = below("model.", PLAIN) | {"criterion.weight": torch.ones(10), "criterion.bias": torch.ones(1)}
    network, (notice,) = fit(ROW, {"state_dict": lightning}, PATH)
    assert same(network, PLAIN)
    assert notice == "net.pth: criterion.weight, criterion.bias are not part of the network and left out"


def test_a_further_layer_is_not_left_out() -> None:
    """The network of the file ends in it, so that what fits is another network."""
    longer = below("0.", PLAIN) | {"1.weight": torch.ones(5, 10), "1.bias": torch.ones(5)}
    with pytest.raises(UsageError, match=r"the tensors 0\.\* fit, but 1\.weight beside them may be layers"):
        fit(ROW, {"": longer}, PATH)


@pytest.mark.parametrize(
    ("states", "where"),
    [
        ({"state_dict": PLAIN, "state_dict_ema": EMA}, "state_dict_ema"),
        ({"model": PLAIN, "model_ema": below("module.", EMA) | {"n_averaged": torch.tensor(5)}}, "module.*"),
        ({"": PLAIN | below("ema.", EMA)}, "ema.*"),
        ({"state_dict": below("model.", PLAIN) | below("ema_model.module.", EMA)}, "ema_model.module.*"),
    ],
)
def test_averages_beside_raw_weights_are_announced_and_taken_if_asked(
    states: dict[str, dict[str, Tensor]], where: str
) -> None:
    network, (notice,) = fit(ROW, states, PATH)
    assert same(network, PLAIN)
    assert notice.startswith(f"net.pth also has averaged weights (EMA), in {where}")
    assert notice.endswith("pass --ema to use the averaged ones")
    network, notices = fit(ROW, states, PATH, ema=True)
    assert same(network, EMA)
    assert not any("averaged weights" in notice for notice in notices)


def test_averages_alone_are_taken_and_announced() -> None:
    network, (notice,) = fit(ROW, {"optimizer": {"x": torch.ones(1)}, "ema": EMA}, PATH)
    assert same(network, EMA)
    assert notice == "net.pth has only averaged weights (EMA) of this network, in ema: using these"


def test_averages_that_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--ema: net\.pth has no averaged weights of this network; omit it"):
        fit(ROW, {"": PLAIN}, PATH, ema=True)


def test_an_average_pool_is_no_average() -> None:
    _, notices = fit(ROW, {"": below("avgpool.", PLAIN)}, PATH)
    assert notices == ()


def test_several_networks_are_refused() -> None:
    both = below("student.", PLAIN) | below("teacher.", EMA)
    with pytest.raises(
        UsageError,
        match=r"has 2 copies of the network \(student\.\*, teacher\.\*\); save the state dict of one",
    ):
        fit(ROW, {"": both}, PATH)


def test_what_is_closest_is_explained_without_its_prefix() -> None:
    backbone = {name: tensor for name, tensor in PLAIN.items() if not name.startswith("fc.")}
    with pytest.raises(
        UsageError, match=r"tensors 2 missing \(fc\.weight, fc\.bias\); the last layer is miss"
    ):
        fit(ROW, {"": below("module.", backbone)}, PATH)


def test_a_model_knows_that_its_weights_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "timm.pth"
    torch.save({"state_dict": PLAIN, "state_dict_ema": EMA}, path)
    said: list[str] = []
    raw, averaged = (load_model(NAME, str(path), announce=said.append, ema=ema) for ema in (False, True))
    assert said[0].startswith(
        "timm.pth also has averaged weights (EMA), in state_dict_ema: using those in state_"
    )
    assert (raw.spec.origin.averaged, averaged.spec.origin.averaged) == (False, True)
    assert averaged.spec.origin.description == "timm.pth (averaged)"
    assert same(averaged.network, EMA)
    with pytest.raises(UsageError, match="--ema: is for a file of weights, not for random"):
        load_model(NAME, "random", ema=True)
