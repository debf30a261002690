"""With networking cut off by the kernel, what needs no download works, and nothing waits for a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = (sys.executable, "-c", "from edgewise.cli.main import main; main()")
_REACHES = (
    sys.executable,
    "-c",
    "import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)",  # RFC 5737: nobody's address
)


@pytest.fixture(scope="module")
def alone() -> tuple[str, ...]:
    """A command that runs another one without any network interface."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare of util-linux")
    for options in (("-n",), ("-rn",)):
        done = subprocess.run(("unshare", *options, "true"), capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return ("unshare", *options)
    pytest.skip(f"no network namespace may be made here: {done.stderr.strip()}")


def run(*command: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run it with an empty cache, which no download has filled."""
    variables = os.environ | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=600)


def test_there_is_no_network(alone: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*alone, *_REACHES, home=tmp_path)
    assert "Network is unreachable" in done.stderr


@pytest.mark.slow
def test_export_predict_and_verify_need_no_network(alone: tuple[str, ...], tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    options = ("--weights", "bundled", "--to", "onnx", "--int8", "--eval-count", "48", "--out", str(bundle))
    for command in (
        ("export", "mobilenetv2", *options),
        ("predict", str(bundle), str(bundle / "golden" / "image.png")),
        ("verify", str(bundle)),
    ):
        done = run(*alone, *_PROGRAM, *command, home=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout
