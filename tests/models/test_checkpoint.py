"""Weight files: from edgewise and elsewhere, wrapped, damaged and malicious."""

import argparse
import datetime as dt
import json
import os
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.fabric.utilities.data import AttributeDict
from safetensors.torch import save_file
from torch import Tensor, nn

from edgewise.models.checkpoint import load, save
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.images import sha256_of
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess

SPEC = ModelSpec("toy", Preprocess(size=8, resize=9), Labels(("a", "b")), Origin("random", "a toy", ""))
TENSORS = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.tensor([0.5, -1.0])}


def same(found: dict[str, Tensor], expected: dict[str, Tensor] = TENSORS) -> bool:
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], expected[name]) for name in expected
    )


def test_weights_spec_and_record_survive_a_round_trip(tmp_path: Path) -> None:
    network = nn.Sequential(OrderedDict(layer=nn.Linear(3, 2), norm=nn.BatchNorm1d(2)))
    path, record = tmp_path / "own.safetensors", {"top1": 0.5, "seed": 0}
    save(path, network.state_dict(), SPEC, record)
    found = load(path)
    assert (found.spec, found.record, found.sha256) == (SPEC, record, sha256_of(path))
    assert same(found.tensors, network.state_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["own.safetensors"]


@pytest.mark.parametrize("name", ["a.pth", "old.pt", "a.safetensors"])
def test_files_from_elsewhere_only_have_tensors(tmp_path: Path, name: str) -> None:
    if name.endswith(".safetensors"):
        save_file(TENSORS, tmp_path / name)
    else:
        torch.save(TENSORS, tmp_path / name, _use_new_zipfile_serialization=not name.startswith("old"))
    found = load(tmp_path / name)
    assert same(found.tensors)
    assert (found.spec, found.record) == (None, None)


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model", "net"])
def test_the_weights_may_be_an_entry_of_a_training_script(tmp_path: Path, wrapper: str) -> None:
    torch.save({"epoch": 3, "optimizer": {"state": {0: {}}}, wrapper: TENSORS}, tmp_path / "a.pth")
    found = load(tmp_path / "a.pth")
    assert same(found.tensors)
    assert [*found.states] == [wrapper]


def test_the_usual_entry_comes_first_and_others_are_kept(tmp_path: Path) -> None:
    other = {name: tensor + 1 for name, tensor in TENSORS.items()}
    torch.save({"model_ema": other, "teacher": other, "model": TENSORS}, tmp_path / "a.pth")
    found = load(tmp_path / "a.pth")
    assert same(found.tensors)
    assert [*found.states] == ["model", "model_ema", "teacher"]
    assert same(found.states["model_ema"], other)


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize(
    "value",
    [
        np.float64(91.2),
        np.float32(0.5),
        np.int64(3),
        np.arange(3),
        np.random.RandomState(0).get_state(),
        argparse.Namespace(lr=0.1, out=Path("runs")),
        AttributeDict(lr=0.1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_beside_the_weights_are_left_out(tmp_path: Path, value: Any, new: bool) -> None:
    torch.save({"state_dict": TENSORS, "best": value}, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
    assert same(load(tmp_path / "a.pth").tensors)


def test_what_stands_for_such_values_is_allowed_nowhere_else(tmp_path: Path) -> None:
    torch.save({"best": np.float64(91.2)}, tmp_path / "a.pth")
    before = {*torch.serialization.get_safe_globals()}
    with pytest.raises(EdgewiseError, match="is not a named tensor"):
        load(tmp_path / "a.pth")
    assert {*torch.serialization.get_safe_globals()} == before


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize(
    ("content", "named"),
    [
        (nn.Linear(2, 3), "torch.nn.modules.linear.Linear"),
        ({"state_dict": TENSORS, "when": dt.timedelta(1)}, "datetime.timedelta"),
    ],
)
def test_an_object_is_named_and_nobody_is_told_to_trust_it(
    tmp_path: Path, content: Any, named: str, new: bool
) -> None:
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(EdgewiseError) as caught:
        load(tmp_path / "a.pth")
    told = str(caught.value)
    assert f"(it contains a Python object, {named})" in told
    assert "model.state_dict()" in told
    assert not re.search("weights_only|safe_globals|trust|\x1b", told)


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")  # deprecated, but users have such files
def test_a_torchscript_archive_is_called_so(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 3)).save(tmp_path / "a.pt")  # type: ignore[no-untyped-call]
    with pytest.raises(
        EdgewiseError, match=r"\(it is a TorchScript archive\); save it with torch.save\(model"
    ):
        load(tmp_path / "a.pt")


def test_all_floats_become_float32_and_integers_stay(tmp_path: Path) -> None:
    kinds = [torch.float16, torch.bfloat16, torch.float64, torch.int64]
    torch.save({str(kind): torch.tensor([1, 2], dtype=kind) for kind in kinds}, tmp_path / "a.pth")
    found = load(tmp_path / "a.pth").tensors
    assert [tensor.dtype for tensor in found.values()] == [torch.float32] * 3 + [torch.int64]


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("new", [True, False])
def test_code_in_a_file_is_never_run(tmp_path: Path, new: bool) -> None:
    path, marker = tmp_path / "evil.pth", tmp_path / "marker"
    torch.save({**TENSORS, "bomb": Bomb(marker)}, path, _use_new_zipfile_serialization=new)
    with pytest.raises(
        EdgewiseError, match=r"evil\.pth: not a plain state dict, and edgewise never runs code"
    ):
        load(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # so the file does run code when unpickled


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([torch.ones(1)], "contains a list"),
        ({}, "contains a dict"),
        (torch.ones(2), "contains a Tensor"),
        ({"weight": torch.ones(1), "lr": 0.1}, "entry 'lr' is not a named tensor"),
        ({0: torch.ones(1)}, "entry 0 is not a named tensor"),
    ],
)
def test_anything_but_named_tensors_is_refused(tmp_path: Path, content: Any, found: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(EdgewiseError, match=rf"a\.pth: {found}"):
        load(tmp_path / "a.pth")


def test_a_safetensors_file_without_tensors_is_refused(tmp_path: Path) -> None:
    save_file({}, tmp_path / "a.safetensors")
    with pytest.raises(EdgewiseError, match="not a state dict"):
        load(tmp_path / "a.safetensors")


@pytest.mark.parametrize("header", ["[1]", "{", '{"record": {}}', '{"spec": {"name": "toy"}}', "[" * 9999])
def test_a_header_that_is_not_ours_is_refused(tmp_path: Path, header: str) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors", metadata={"edgewise": header})
    with pytest.raises(
        EdgewiseError, match=r"a\.safetensors: not a (valid edgewise header|safetensors file)"
    ):
        load(tmp_path / "a.safetensors")


@given(
    name=st.sampled_from(["new.pth", "old.pth", "a.safetensors"]),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)
def test_a_damaged_file_is_an_edgewise_error_or_still_loads(
    tmp_path_factory: pytest.TempPathFactory, name: str, cut: float, changes: list[tuple[float, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    if name == "a.safetensors":
        save_file(TENSORS, path, metadata={"edgewise": json.dumps({"spec": SPEC.to_json(), "record": {}})})
    else:
        torch.save(TENSORS, path, _use_new_zipfile_serialization=name == "new.pth")
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    path.write_bytes(content[: int(cut * len(content))] if not changes else content)
    assert outcome(path) == "read" or str(path) in outcome(path)


def outcome(path: Path) -> str:
    try:
        load(path)
    except EdgewiseError as error:
        return str(error)
    return "read"


@pytest.mark.parametrize("name", ["missing.pth", "folder.pth"])
def test_a_missing_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(UsageError, match=f"{name}: no such weights file"):
        load(tmp_path / name)
