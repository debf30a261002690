"""Hints for weights whose classifier is another one."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torchvision
from torch import nn

from edgewise.models.errors import UsageError
from edgewise.models.weights.fitting import fit
from edgewise.models.zoo import find

PATH = Path("net.pth")
LINEAR = nn.Linear


@pytest.mark.parametrize(
    ("name", "attribute", "head", "said"),
    [
        (
            "shufflenetv2_050",
            "fc",
            nn.Sequential(nn.Dropout(0.3), LINEAR(1024, 10)),
            r"is fc\.1 \(10, 1024\) in the file and fc in torchvision's shufflenet_v2_x0_5",
        ),
        (
            "mobilenetv2",
            "classifier",
            LINEAR(1280, 10),
            r"is classifier \(10, 1280\) in the file and classifier\.1",
        ),
        (
            "mobilenetv2",
            "classifier",
            nn.Sequential(nn.Dropout(), LINEAR(1280, 64), nn.ReLU(), LINEAR(64, 10)),
            r"is classifier\.3 \(10, 64\) in the file",
        ),
        (
            "resnet18",
            "fc",
            nn.Sequential(OrderedDict(hidden=LINEAR(512, 64), act=nn.ReLU(), out=LINEAR(64, 10))),
            r"is fc\.out \(10, 64\) in the file and fc in torchvision's resnet18",
        ),
    ],
)
def test_a_replaced_head_is_named_with_the_way_to_take_it(
    name: str, attribute: str, head: nn.Module, said: str
) -> None:
    row = find(name)
    network = torchvision.models.get_model(row.builder, num_classes=10)
    setattr(network, attribute, head)
    with pytest.raises(
        UsageError, match=rf"the classifier was replaced before training, its last layer {said}"
    ) as caught:
        fit(row, {"": network.state_dict()}, PATH)
    assert "write a function that builds the network as it was trained" in str(caught.value)
    assert "net.py:factory" in str(caught.value)


def test_in_a_network_of_the_users_own_the_function_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torchvision\n"
        "def factory(classes): return torchvision.models.shufflenet_v2_x0_5(num_classes=classes)\n"
    )
    network = torchvision.models.shufflenet_v2_x0_5()
    network.fc = nn.Sequential(nn.Dropout(), LINEAR(1024, 4))
    with pytest.raises(
        UsageError, match=r"fc here: let .*net\.py:factory build the network that was trained"
    ):
        fit(find(f"{tmp_path}/net.py:factory"), {"": network.state_dict()}, PATH)


def test_a_missing_or_other_body_is_no_replaced_head() -> None:
    tensors = torchvision.models.resnet34(num_classes=10).state_dict()
    with pytest.raises(UsageError) as caught:
        fit(find("resnet18"), {"": tensors}, PATH)
    assert "replaced" not in str(caught.value)
