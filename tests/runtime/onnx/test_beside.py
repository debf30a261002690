"""Which other files an .onnx file takes weights from, beside what the `onnx` package says."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError
from edgewise.runtime.onnx.beside import files_beside
from edgewise.runtime.onnx.session import read_structure


def outside(name: str) -> TensorProto:
    """A tensor whose data are in that file."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [2], bytes(8), raw=True)
    onnx.external_data_helper.set_external_data(tensor, name)
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def saved(path: Path, graph: onnx.GraphProto, functions: list[onnx.FunctionProto] | None = None) -> Path:
    path.write_bytes(helper.make_model(graph, functions=functions or []).SerializeToString())
    return path


def test_a_file_with_all_its_weights_names_no_other(onnx_float: Artifact, onnx_int8: Artifact) -> None:
    assert files_beside(onnx_float.path) == files_beside(onnx_int8.path) == ()


def test_tensors_are_found_wherever_they_stand(tmp_path: Path) -> None:
    constant = helper.make_node("Constant", [], ["c"], value=outside("../constant"))
    several = helper.make_node("Odd", [], ["d"], values=[outside("first"), outside("second")])
    inner = helper.make_graph([constant], "inner", [], [], [outside("inner")])
    branch = helper.make_node("If", ["c"], ["e"], then_branch=inner)
    branches = helper.make_node("Odd", ["c"], ["e"], branches=[inner])
    sparse = helper.make_sparse_tensor(outside("/values"), outside("indices"), [2])
    graph = helper.make_graph(
        [branch, several], "graph", [], [], [outside("outer")], sparse_initializer=[sparse]
    )
    function = helper.make_function("d", "f", [], ["e"], [branches], [helper.make_opsetid("", 20)])
    assert set(files_beside(saved(tmp_path / "a.onnx", graph))) == {
        *("../constant", "first", "second", "inner", "outer", "/values", "indices")
    }
    empty = helper.make_graph([], "graph", [], [])
    assert set(files_beside(saved(tmp_path / "b.onnx", empty, [function]))) == {"../constant", "inner"}


@pytest.mark.parametrize("content", [b"", b"\x3a\xff", b"\x3a" + b"\xff" * 20, b"\x3b\x01", b"\x0f"])
def test_what_is_no_message_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(EdgewiseError, match=r"^a\.onnx: is not an ONNX file"):
        files_beside(tmp_path / "a.onnx")


def test_a_cut_file_is_refused_or_read_everywhere(onnx_float: Artifact, tmp_path: Path) -> None:
    content = onnx_float.path.read_bytes()
    cut = tmp_path / "cut.onnx"
    for length in range(1, len(content), len(content) // 100):
        cut.write_bytes(content[:length])
        try:
            assert files_beside(cut) == ()
        except EdgewiseError:
            continue


def test_weights_in_another_file_are_read_with_it(onnx_int8: Artifact, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    whole = onnx.load(onnx_int8.path)
    onnx.save(whole, path, save_as_external_data=True, location="w.bin", size_threshold=256)
    assert files_beside(path) == ("w.bin",)
    found, expected = read_structure(path), read_structure(onnx_int8.path)
    assert (found.operators, found.weights) == (expected.operators, expected.weights)
    assert found.overflow == expected.overflow
