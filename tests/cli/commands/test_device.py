"""`edgewise device`: what it says without a board; with one, see tests/runtime/devices/test_ssh.py."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize("task", ["check", "setup"])
def test_a_board_that_is_not_there_is_one_line(edgewise: Run, task: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ended = edgewise("device", task, f"ssh://pi@127.0.0.1:{port}")
    assert ended.code == 1
    assert ended.complaint.startswith(f"edgewise: ssh://pi@127.0.0.1:{port}: nothing is listening on port")


@pytest.mark.parametrize("task", ["check", "setup"])
@pytest.mark.parametrize("name", ["local", "ssh://-oProxyCommand=id", "raspberrypi"])
def test_what_is_no_board_is_refused(edgewise: Run, task: str, name: str) -> None:
    ended = edgewise("device", task, name)
    assert ended.code == 2
    assert "is not the address of a board; write ssh://pi@raspberrypi" in ended.complaint


def test_an_unknown_target_is_refused(edgewise: Run) -> None:
    ended = edgewise("device", "setup", "ssh://pi@board", "--target", "tflite,onx")
    assert ended.code == 2
    assert (
        "unknown target 'onx': did you mean onnx? Choose from onnx, openvino, tflite or all"
        in ended.complaint
    )


def test_a_folder_without_wheels_is_refused_before_anything_else(edgewise: Run, tmp_path: Path) -> None:
    ended = edgewise("device", "setup", "ssh://pi@nosuchboard.invalid", "--wheels", tmp_path)
    assert ended.code == 2
    assert ended.complaint == f"edgewise: --wheels {tmp_path}: contains no wheels"
