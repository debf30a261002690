"""torch.export programs that are accepted, and those that are rejected."""

import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.export.pt2_archive._package import PT2ArchiveReader, PT2ArchiveWriter

from edgewise.export.graph import trace
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.foreign.program import is_program, load_program
from edgewise.models.spec import Labels
from edgewise.models.weights import Overrides

ANY_BATCH = ({0: Dim.AUTO},)


def saved(path: Path, network: nn.Module, shapes: Any = ANY_BATCH, side: tuple[int, int] = (32, 32)) -> Path:
    program = torch.export.export(network, (torch.zeros(2, 3, *side),), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return path


def load(path: Path, overrides: Overrides | None = None) -> Any:
    return load_program(path, overrides or Overrides(), lambda _: None)


@pytest.fixture(scope="module")
def program(tiny_network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("program") / "tiny.pt2", tiny_network)


def test_a_program_is_recognised_by_its_suffix() -> None:
    assert is_program("a/b.pt2")
    assert not is_program("b.pt")


def test_it_matches_the_network_it_was_exported_from(program: Path, tiny_network: nn.Module) -> None:
    said: list[str] = []
    model = load_program(program, Overrides(), said.append)
    pictures = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        answers = [network(pictures) for network in (tiny_network, model.network)]
        traced = trace(model.network, 32)(pictures)
    np.testing.assert_array_equal(*answers)
    np.testing.assert_allclose(traced, answers[0], rtol=1e-4, atol=1e-4)
    assert (model.spec.name, len(model.spec.labels), model.spec.preprocess.size) == ("tiny", 6, 32)
    assert (model.spec.origin.source, model.spec.origin.description) == ("file", "tiny.pt2")
    assert len(said) == 2


def test_overrides_win(program: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\ne\nf\n")
    half = (0.5, 0.5, 0.5)
    spec = load(program, Overrides(mean=half, std=half, resize=40, labels=tmp_path / "labels.txt")).spec
    assert (spec.preprocess.mean, spec.preprocess.resize, spec.labels.names[5]) == (half, 40, "f")


class Answers(nn.Module):
    def __init__(self, answer: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: Tensor) -> Any:
        return self.answer(x)


def test_an_input_of_any_size_requires_imgsz(tmp_path: Path) -> None:
    shapes = ({0: Dim.AUTO, 2: Dim.AUTO, 3: Dim.AUTO},)
    path = saved(tmp_path / "free.pt2", Answers(lambda x: x.mean((2, 3))).eval(), shapes)
    with pytest.raises(UsageError, match=r"any size; .* --imgsz"):
        load(path)
    assert load(path, Overrides(imgsz=48)).spec.preprocess.size == 48


@pytest.mark.parametrize(
    ("answer", "shapes", "side", "message"),
    [
        (
            lambda x: x.mean((2, 3)),
            None,
            (32, 32),
            r"takes \(2, 3, 32, 32\), a fixed batch size; .*Dim.AUTO",
        ),
        (lambda x: x.flatten(2), ANY_BATCH, (32, 32), r"does not return a single tensor of logits"),
        (lambda x: {"a": x.mean((2, 3)), "b": x}, ANY_BATCH, (32, 32), "does not return a single tensor"),
    ],
)
def test_a_model_that_is_not_a_classifier_is_refused(
    answer: Callable[[Tensor], Any], shapes: Any, side: tuple[int, int], message: str, tmp_path: Path
) -> None:
    path = saved(tmp_path / "other.pt2", Answers(answer).eval(), shapes, side)
    with pytest.raises(UsageError, match=message):
        load(path)


def test_a_strip_and_grey_pictures_are_described(tmp_path: Path) -> None:
    strip = load(saved(tmp_path / "strip.pt2", Answers(lambda x: x.mean((2, 3))).eval(), ANY_BATCH, (32, 96)))
    assert (strip.spec.preprocess.size, strip.spec.preprocess.resize) == ((32, 96), (32, 96))
    program = torch.export.export(
        Answers(lambda x: x.mean(3)[:, 0]).eval(), (torch.zeros(2, 1, 8, 8),), dynamic_shapes=ANY_BATCH
    )
    torch.export.save(program, tmp_path / "grey.pt2")
    assert load(tmp_path / "grey.pt2").spec.preprocess.shape == (8, 8, 1)


@pytest.mark.parametrize("decomposed", [False, True])
def test_a_final_softmax_is_taken_out_and_said(tmp_path: Path, decomposed: bool) -> None:
    network = Answers(lambda x: (10 * x.mean((2, 3))).softmax(1)).eval()
    program = torch.export.export(network, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=ANY_BATCH)
    torch.export.save(program.run_decompositions() if decomposed else program, tmp_path / "net.pt2")
    said: list[str] = []
    model = load_program(tmp_path / "net.pt2", Overrides(), said.append)
    assert said[-1] == "net.pt2 ends in a softmax: removing it, so that the exported model returns logits"
    pictures = torch.rand(3, 3, 8, 8)
    torch.testing.assert_close(model.network(pictures), 10 * pictures.mean((2, 3)))


def test_one_output_is_two_classes(tmp_path: Path) -> None:
    said: list[str] = []
    path = saved(tmp_path / "one.pt2", Answers(lambda x: x.mean((2, 3))[:, :1]).eval())
    model = load_program(path, Overrides(labels=Labels(("no", "yes"))), said.append)
    assert model.spec.labels.names == ("no", "yes")
    assert (
        said[-1] == "one.pt2 has one output: taking it as a logit, positive for 'yes' and negative for 'no'"
    )


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.BatchNorm2d(3)])
def test_training_mode_is_refused(layer: nn.Module, tmp_path: Path) -> None:
    network = nn.Sequential(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten()).train()
    with pytest.raises(UsageError, match="in training mode"):
        load(saved(tmp_path / "training.pt2", network))


def test_files_that_are_not_programs_are_refused(tmp_path: Path, program: Path) -> None:
    with pytest.raises(UsageError, match="no such program"):
        load(tmp_path / "none.pt2")
    broken = tmp_path / "broken.pt2"
    for content in (b"", b"PK", program.read_bytes()[:4000]):
        broken.write_bytes(content)
        with pytest.raises(EdgewiseError, match=r"cannot be read as a torch\.export program"):
            load(broken)


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


def changed(program: Path, out: Path, change: Callable[[str, bytes], bytes | None], **more: bytes) -> Path:
    """A copy of `program` with parts changed, removed (None) or added."""
    with (
        PT2ArchiveReader(io.BytesIO(program.read_bytes())) as old,
        PT2ArchiveWriter(str(out)) as new,
    ):
        for name in old.get_file_names():
            content = change(name, old.read_bytes(name))
            if content is not None and not name.startswith((".data", "archive", "byteorder")):
                new.write_bytes(name, content)
        for name, content in more.items():
            new.write_bytes(name, content)
    return out


def unchanged(_: str, content: bytes) -> bytes:
    return content


def pickled_weight(name: str, content: bytes) -> bytes:
    return content.replace(b'"use_pickle": false', b'"use_pickle": true') if "config" in name else content


def foreign_call(name: str, content: bytes) -> bytes:
    return (
        content.replace(b"torch.ops.aten.conv2d.default", b"torch.os.system")
        if "models/" in name
        else content
    )


def odd_size(name: str, content: bytes) -> bytes:
    return content.replace(b"Symbol('s", b"exec('import os')+Symbol('s") if "models/" in name else content


def huge_power(_: str, content: bytes) -> bytes:
    return content.replace(b"Symbol('s", b"Pow(Integer(9), Integer(99999999))*Symbol('s", 1)


def nested_powers(_: str, content: bytes) -> bytes:
    nested = b"Pow(" * 12 + b"Integer(9)" + b", Integer(9))" * 12
    return content.replace(b"Symbol('s", nested + b", Symbol('s", 1)


def huge_number(_: str, content: bytes) -> bytes:
    return content.replace(b"Symbol('s", b"Integer(" + b"9" * 5000 + b"), Symbol('s", 1)


def odd_name(name: str, content: bytes) -> bytes:
    return content.replace(b'"name": "input"', b'"name": "input=print(1)"') if "models/" in name else content


def odd_tree(name: str, content: bytes) -> bytes:
    if "models/" not in name:
        return content
    return content.replace(rb"\"builtins.dict\"", rb"\"collections.defaultdict\"")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (pickled_weight, "use_pickle 'a pickle'"),
        (foreign_call, "target 'torch.os.system'"),
        (odd_size, "expr_str .exec"),
        (huge_power, "expr_str .Pow.Integer"),
        (nested_powers, "expr_str .Pow.Pow"),
        (huge_number, "expr_str .Integer.999"),
        (odd_name, "name 'input=print"),
        (odd_tree, "in_spec"),
    ],
)
def test_every_way_to_run_code_is_refused(
    program: Path, tmp_path: Path, change: Callable[[str, bytes], bytes], found: str
) -> None:
    path = changed(program, tmp_path / "evil.pt2", change)
    with pytest.raises(EdgewiseError, match=f"contains {found}.* runs no code from a model file"):
        load(path)


@pytest.mark.parametrize(
    "part",
    [
        "data/aotinductor/model/a.so",
        "data/weights/model.pt",
        "data/constants/model.pt",
        "data/constants/opaque_obj_0",
        "data/constants/custom_obj_0",
    ],
)
def test_parts_that_are_code_are_refused(program: Path, tmp_path: Path, part: str) -> None:
    path = changed(program, tmp_path / "evil.pt2", unchanged, **{part: b"code"})
    with pytest.raises(EdgewiseError, match=f"contains the part '{part}'"):
        load(path)


def test_pickled_sample_inputs_are_not_executed(program: Path, tmp_path: Path) -> None:
    target = tmp_path / "made"

    def bomb(name: str, content: bytes) -> bytes:
        if "sample_inputs" not in name:
            return content
        buffer = io.BytesIO()
        torch.save({"bomb": Bomb(target)}, buffer, pickle_module=pickle)
        return buffer.getvalue()

    path = changed(program, tmp_path / "evil.pt2", bomb)
    with pytest.raises(EdgewiseError, match="cannot be read"):
        load(path)
    assert not target.exists()
    with PT2ArchiveReader(io.BytesIO(path.read_bytes())) as archive:  # what happens without the check
        torch.load(io.BytesIO(archive.read_bytes("data/sample_inputs/model.pt")), weights_only=False)
    assert target.exists()


def test_a_copy_without_changes_is_read(program: Path, tmp_path: Path) -> None:
    path = changed(program, tmp_path / "same.pt2", unchanged)
    assert len(load(path).spec.labels) == 6
    with PT2ArchiveReader(io.BytesIO(path.read_bytes())) as archive:
        assert json.loads(archive.read_string("models/model.json"))["graph_module"]


class Frozen(nn.Module):
    """Its trunk is evaluated without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.trunk(x)
        return self.head(features.mean((2, 3)))  # type: ignore[no-any-return]


def test_regions_without_gradients_are_plain_operators(tmp_path: Path) -> None:
    network = Frozen().eval()
    model = load(saved(tmp_path / "frozen.pt2", network))
    pictures = torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(model.network(pictures), network(pictures))
    assert "conv2d" in str(model.network.graph)


def test_types_of_its_own_are_explained(tmp_path: Path) -> None:
    class Casting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 6).half()

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.half().mean((2, 3)))  # type: ignore[no-any-return]

    with pytest.raises(UsageError, match=r"does not take float32 pictures \(.*\); call model.float\(\)"):
        load(saved(tmp_path / "casting.pt2", Casting()))
