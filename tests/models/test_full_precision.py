"""Networks in half precision become float32, and the user is told."""

from pathlib import Path

import pytest
import torch
from torch import nn

import edgewise
from edgewise.models.full_precision import in_float32
from edgewise.models.weights import Overrides, load_model

NET = """
import torch
from torch import nn


def half():
    layers = nn.Conv2d(3, 5, 3, 2), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*layers).half()


def brain():
    return half().to(torch.bfloat16)
"""


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, 2), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ).eval()


@pytest.mark.parametrize(
    ("kind", "name"), [(torch.float16, "float16"), (torch.bfloat16, "bfloat16"), (torch.float64, "float64")]
)
def test_other_types_are_announced(kind: torch.dtype, name: str) -> None:
    said: list[str] = []
    taken = in_float32(network().to(kind), "net", said.append)
    assert {value.dtype for value in taken.parameters()} == {torch.float32}
    assert said == [f"net has {name} weights: taking them to float32, in which it is converted and judged"]


def test_float32_is_not_spoken_of() -> None:
    said: list[str] = []
    in_float32(network(), "net", said.append)
    assert not said


@pytest.mark.parametrize(("factory", "name"), [("half", "float16"), ("brain", "bfloat16")])
def test_the_users_code(tmp_path: Path, factory: str, name: str) -> None:
    (tmp_path / "net.py").write_text(NET)
    said: list[str] = []
    model = load_model(f"{tmp_path}/net.py:{factory}", "auto", Overrides(imgsz=32), said.append)
    assert model.network(torch.zeros(1, 3, 32, 32)).dtype is torch.float32
    assert f"has {name} weights: taking them to float32" in said[0]


def test_a_state_dict_for_the_users_code(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    torch.save(network().state_dict(), tmp_path / "weights.pth")
    said: list[str] = []
    name = f"{tmp_path}/net.py:half"
    model = load_model(name, str(tmp_path / "weights.pth"), Overrides(imgsz=32), said.append)
    assert model.network(torch.zeros(1, 3, 32, 32)).dtype is torch.float32
    assert "has float16 weights" in said[0]


def test_a_module_in_memory_stays_as_it_is() -> None:
    module = network().half()
    model = edgewise.from_torch(module, imgsz=32)
    assert model.notices[0].startswith("sequential has float16 weights")
    assert next(module.parameters()).dtype is torch.float16
    assert next(model.network.parameters()).dtype is torch.float32


def test_a_program(tmp_path: Path) -> None:
    example = torch.zeros(2, 3, 32, 32, dtype=torch.float16)
    program = torch.export.export(network().half(), (example,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, tmp_path / "half.pt2")
    said: list[str] = []
    model = load_model(str(tmp_path / "half.pt2"), announce=said.append)
    assert said[0].startswith("half.pt2 has float16 weights")
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model.network(x), network()(x), rtol=1e-2, atol=1e-2)
