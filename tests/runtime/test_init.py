"""Sessions found by target, and inputs and outputs that every session refuses."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError, ParityError
from edgewise.models.spec import Tensor32
from edgewise.runtime import accepted, checked, open_session
from edgewise.runtime.tflite.session import TfliteSession


def test_one_logit_is_that_of_the_second_of_two_classes() -> None:
    found = checked(np.array([[1.5], [-2]], np.float32), 2)
    assert found.tolist() == [[0, 1.5], [0, -2]]
    assert found.dtype == np.float32


def test_a_session_is_opened_by_its_target(tiny_float: Artifact, tiny_pictures: Tensor32) -> None:
    session = open_session(tiny_float.path, "tflite")
    assert isinstance(session, TfliteSession)
    assert session(tiny_pictures[:2]).shape == (2, 6)


@pytest.mark.parametrize("target", ["tflite", "onnx", "openvino"])
def test_one_session_answers_several_threads(
    tiny_float: Artifact,
    onnx_float: Artifact,
    openvino_float: Artifact,
    tiny_pictures: Tensor32,
    target: str,
) -> None:
    file = {"tflite": tiny_float, "onnx": onnx_float, "openvino": openvino_float}[target]
    session = open_session(file.path, target)
    pictures = [tiny_pictures[index : index + 1] for index in range(16)]
    alone = [session(picture) for picture in pictures]
    barrier = Barrier(4)

    def ask(first: int) -> list[bool]:
        barrier.wait(timeout=60)
        order = [(first + count) % len(pictures) for count in range(200)]
        return [np.allclose(session(pictures[index]), alone[index], atol=1e-5) for index in order]

    with ThreadPoolExecutor(4) as threads:
        right = [found for answers in threads.map(ask, range(0, 16, 4)) for found in answers]
    assert right == [True] * 800


# What a binding imports at its first picture takes long, and other threads run meanwhile.
FIRST_PICTURES = """
import builtins, sys, threading, time
from pathlib import Path
import numpy as np
from edgewise.runtime import open_session

sessions = [open_session(Path(sys.argv[1]), sys.argv[2], 1) for _ in range(2)]
plain, together, picture = builtins.__import__, threading.Barrier(2), np.zeros((1, 32, 32, 3), np.float32)

def slow(name, *arguments):
    if name.startswith("numpy"):
        time.sleep(0.5)
    return plain(name, *arguments)

def first(session):
    together.wait()
    found.append(session(picture).shape)

found = []
builtins.__import__ = slow
threads = [threading.Thread(target=first, args=(session,), daemon=True) for session in sessions]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(found)
"""


@pytest.mark.slow
@pytest.mark.parametrize("target", ["tflite", "onnx", "openvino"])
def test_the_first_pictures_of_two_sessions_do_not_wait_for_each_other(
    tiny_float: Artifact, onnx_float: Artifact, openvino_float: Artifact, target: str
) -> None:
    """OpenVINO's binding prepares itself at the first picture, and two threads in it would stop forever."""
    file = {"tflite": tiny_float, "onnx": onnx_float, "openvino": openvino_float}[target]
    command = [sys.executable, "-c", FIRST_PICTURES, str(file.path), target]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout == "[(1, 6), (1, 6)]\n", done.stderr


def test_what_an_engine_raises_while_it_runs_is_explained(tmp_path: Path) -> None:
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [1, 7])  # which no picture has
    sides: list[tuple[str, list[str | int | None]]] = [("x", ["n", 3, 4, 4]), ("y", ["n", "c"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape_of) for name, shape_of in sides]
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    graph = helper.make_graph([node], "graph", ends[:1], ends[1:], [shape])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9),
        tmp_path / "a.onnx",
    )
    session = open_session(tmp_path / "a.onnx", "onnx")
    with pytest.raises(EdgewiseError, match=r"^a\.onnx: ONNX Runtime cannot run it \(.*[Rr]eshape"):
        session(np.zeros((1, 4, 4, 3), np.float32))


def test_an_unknown_target_names_the_file_to_add() -> None:
    with pytest.raises(EdgewiseError, match=r"add runtime/tensorrt\.py"):
        open_session(Path("model"), "tensorrt")


@pytest.mark.parametrize("shape", [(3,), (2, 4), (3, 0), (3, 4, 1)])
def test_logits_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ParityError, match="for 3 pictures"):
        checked(np.zeros(shape, np.float32), 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    logits = np.zeros((3, 4), np.float32)
    assert checked(logits, 3) is logits
    logits[1, 2] = value
    with pytest.raises(ParityError, match="NaN or infinity"):
        checked(logits, 3)


def test_valid_pictures_are_accepted(tiny_pictures: Tensor32) -> None:
    assert accepted(tiny_pictures, (32, 32, 3)) is tiny_pictures


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        (np.zeros((2, 3, 32, 32), np.float32), r"float32 \(2, 3, 32, 32\)"),
        (np.zeros((2, 32, 32, 3), np.float64), r"float64 \(2, 32, 32, 3\)"),
        (np.zeros((2, 32, 32, 3), np.uint8), r"uint8 \(2, 32, 32, 3\)"),
        (np.zeros((32, 32, 3), np.float32), r"float32 \(32, 32, 3\)"),
        (np.zeros((0, 32, 32, 3), np.float32), r"float32 \(0, 32, 32, 3\)"),
    ],
)
def test_pictures_of_another_shape_or_type_are_refused(batch: Tensor32, found: str) -> None:
    with pytest.raises(EdgewiseError, match=rf"float32 pictures of shape \(N, 32, 32, 3\), not {found}"):
        accepted(batch, (32, 32, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pictures_that_are_not_finite_are_refused(value: float, tiny_pictures: Tensor32) -> None:
    batch = tiny_pictures[:2].copy()
    batch[1, 3, 4, 2] = value
    with pytest.raises(EdgewiseError, match="NaN or infinity"):
        accepted(batch, (32, 32, 3))
