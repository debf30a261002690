"""Loading weights into a network, and the errors for those that do not fit."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.overrides import Overrides
from edgewise.models.spec import Preprocess
from edgewise.models.weights.fitting import count_outputs, fit, head, taken
from edgewise.models.zoo import build, find

ROW, PATH = find("mobilenetv2"), Path("net.pth")


def test_the_number_of_classes_comes_from_the_weights(
    ten: dict[str, Tensor], thousand: dict[str, Tensor]
) -> None:
    for tensors, count in ((ten, 10), (thousand, 1000)):
        network, notices = fit(ROW, {"": tensors}, PATH)
        assert notices == ()
        assert count_outputs(ROW.name, network, 32) == count
        assert not network.training
        found = network.state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_batch_counters_may_be_missing(ten: dict[str, Tensor]) -> None:
    old = {name: tensor for name, tensor in ten.items() if not name.endswith("num_batches_tracked")}
    assert len(old) < len(ten)
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(fit(ROW, {"": old}, PATH)[0](picture), fit(ROW, {"": ten}, PATH)[0](picture))


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        ("resnet18", r"missing .*unexpected \(conv1\.weight, .*another network"),
        ("mobilenet_v3_small", r"missing .*unexpected .*another network"),
    ],
)
def test_weights_of_another_network_are_refused(builder: str, said: str) -> None:
    tensors = getattr(models, builder)().state_dict()
    with pytest.raises(UsageError, match=rf"net\.pth: does not fit mobilenetv2, tensors .*{said}"):
        fit(ROW, {"": tensors}, PATH)


def test_the_error_for_another_width_names_both_shapes() -> None:
    wide = models.mobilenet_v2(width_mult=1.4, num_classes=10).state_dict()
    first = r"features\.0\.0\.weight is \(48, 3, 3, 3\) float instead of \(32, 3, 3, 3\) float"
    with pytest.raises(UsageError, match=rf"different \({first}, .*, \.\.\.\); .*another width of it"):
        fit(ROW, {"": wide}, PATH)


def test_at_most_three_names_per_problem_are_shown(ten: dict[str, Tensor]) -> None:
    extra = {f"extra.{index}": torch.zeros(1) for index in range(4)}
    with pytest.raises(
        UsageError, match=r"4 unexpected \(extra\.0, extra\.1, extra\.2, \.\.\.\); save a state dict"
    ):
        fit(ROW, {"": {**ten, **extra}}, PATH)


def test_a_backbone_without_its_last_layer_is_refused(ten: dict[str, Tensor]) -> None:
    backbone = {name: tensor for name, tensor in ten.items() if not name.startswith("classifier.")}
    said = r"2 missing \(classifier\.1\.weight, classifier\.1\.bias\); the last layer is missing"
    with pytest.raises(UsageError, match=said):
        fit(ROW, {"": backbone}, PATH)


@pytest.mark.parametrize("shape", [(), (7,), (7, 1280, 1, 1)])
def test_a_last_layer_with_another_rank_is_refused(ten: dict[str, Tensor], shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"classifier\.1\.weight is \("):
        fit(ROW, {"": {**ten, "classifier.1.weight": torch.zeros(shape)}}, PATH)


def test_integer_weights_are_refused(ten: dict[str, Tensor]) -> None:
    name = "features.0.0.weight"
    with pytest.raises(
        UsageError, match=rf"{name} is \(32, 3, 3, 3\) torch\.int8 instead of \(32, 3, 3, 3\) float"
    ):
        fit(ROW, {"": {**ten, name: ten[name].to(torch.int8)}}, PATH)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_non_finite_weights_are_refused(ten: dict[str, Tensor], value: float) -> None:
    name = "features.1.conv.1.weight"
    broken = ten[name].clone()
    broken.view(-1)[5] = value
    with pytest.raises(EdgewiseError, match=rf"net\.pth: {name} contains NaN or infinite weights"):
        fit(ROW, {"": {**ten, name: broken}}, PATH)


@pytest.mark.parametrize("name", ["googlenet", "inceptionv3"])
def test_auxiliary_heads_are_ignored(name: str) -> None:
    row = find(name)
    theirs = models.get_model(row.builder, num_classes=7, aux_logits=True, init_weights=False).state_dict()
    network, _ = fit(row, {"": theirs}, PATH)
    found = network.state_dict()
    assert {key for key in theirs if key not in found} == {
        key for key in theirs if key.startswith(("AuxLogits.", "aux1.", "aux2."))
    }
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in found.items())


def test_unknown_auxiliary_heads_are_unexpected(ten: dict[str, Tensor]) -> None:
    with pytest.raises(UsageError, match=r"1 unexpected \(aux3\.fc\.weight\)"):
        fit(ROW, {"": {**ten, "aux3.fc.weight": torch.zeros(10, 4)}}, PATH)


@pytest.mark.parametrize(
    ("name", "old_names"),
    [
        ("densenet121", {"norm1.": "norm.1.", "norm2.": "norm.2.", "conv1.": "conv.1.", "conv2.": "conv.2."}),
        ("vitb16", {".mlp.0.": ".mlp.linear_1.", ".mlp.3.": ".mlp.linear_2."}),
    ],
)
def test_torchvisions_old_names_are_accepted(name: str, old_names: dict[str, str]) -> None:
    """Its published files use them."""
    today = build(find(name), 7).state_dict()
    old = {}
    for key, tensor in today.items():
        block = "denselayer" in key or ".mlp." in key
        for now, then in old_names.items():
            key = key.replace(now, then) if block else key  # noqa: PLW2901 - one after the other
        old[key] = tensor
    assert len(set(old) - set(today)) > 40
    found = fit(find(name), {"": old}, PATH)[0].state_dict()
    assert all(torch.equal(found[key], tensor) for key, tensor in today.items())


def test_a_network_that_checks_its_version_gets_it() -> None:
    """MNASNet rejects a state dict without a version, and a plain dict of tensors has none."""
    tensors = dict(build(find("mnasnet_050"), 7).state_dict())
    network, _ = fit(find("mnasnet_050"), {"": tensors}, PATH)
    assert torch.equal(network.get_parameter("classifier.1.weight"), tensors["classifier.1.weight"])


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("squeezenet1_1", "classifier.1"),  # a convolution
        ("vitb16", "heads.head"),
        ("deittiny", "head"),
        ("seresnet50", "fc"),
        ("regnety400mf", "fc"),
    ],
)
def test_the_last_layer_is_found(name: str, layer: str) -> None:
    assert head(find(name)) == layer


def test_the_last_layer_of_a_users_network_is_found(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def asks(classes): return nn.ModuleDict({'head': nn.Linear(2, classes), 'body': nn.Linear(3, 2)})\n"
        "def fixed(): return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 5), nn.Softmax())\n"
        "def empty(): return nn.Sequential(nn.Flatten())\n"
    )
    found = [head(find(f"{tmp_path}/net.py:{name}")) for name in ("asks", "fixed", "empty")]
    assert found == ["head", "1", ""]


def test_outputs_are_counted() -> None:
    assert count_outputs(ROW.name, build(ROW, 7), 64) == 7


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        (
            "vitb16",
            64,
            r"vitb16: does not accept RGB pictures of 64 x 64 pixels \(.*Expected 224.*\); try another",
        ),
        ("alexnet", 32, r"alexnet: does not accept RGB pictures of 32 x 32 pixels"),
    ],
)
def test_an_unsupported_size_is_refused(name: str, size: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        count_outputs(name, build(find(name), 7), size)


def test_the_channels_are_those_that_the_network_takes() -> None:
    def net(channels: int, height: int, width: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(channels, 2, 1), nn.Flatten(), nn.Linear(2 * height * width, 5))

    given, strip = Preprocess(8, 9), Overrides(imgsz=(4, 12))
    assert taken("net", net(3, 8, 8), given, Overrides()) == (given, 5)
    assert taken("net", net(1, 8, 8), given, Overrides()) == (Preprocess(8, 9, (0.5,), (0.5,)), 5)
    assert taken("net", net(3, 4, 12), given, strip)[0].shape == (4, 12, 3)
    assert taken("net", net(1, 4, 12), given, strip)[0].shape == (4, 12, 1)
    takes_both = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert taken("net", takes_both, given, Overrides()) == (given, 3)
    assert taken("net", takes_both, given, Overrides(channels=1))[0].channels == 1


def test_what_a_network_takes_instead_is_told() -> None:
    grey = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(2 * 8 * 8, 5))
    with pytest.raises(UsageError, match=r"grey pictures of 9 x 9 pixels .*one side or HEIGHTxWIDTH"):
        taken("net", grey, Preprocess(9, 9), Overrides())
    with pytest.raises(UsageError, match=r"RGB pictures of 8 x 8 pixels .*1 channel"):
        taken("net", grey, Preprocess(8, 8), Overrides(channels=3))
    with pytest.raises(UsageError, match="takes grey pictures; pass one number"):
        taken("net", grey, Preprocess(8, 8), Overrides(mean=(0.1, 0.2, 0.3)))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (nn.Identity(), r"returns \(1, 3, 8, 8\) float for one picture; make it return \(1, classes\)"),
        (nn.LSTM(8, 4), r"does not accept RGB pictures"),
    ],
)
def test_a_network_that_is_not_a_classifier_is_refused(network: nn.Module, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        count_outputs(ROW.name, network, 8)
