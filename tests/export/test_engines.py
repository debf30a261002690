"""Imports without telemetry, each in a new process because libraries decide about it only once."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from edgewise.export.engines import importing, reason
from edgewise.models.errors import MissingDependencyError


@pytest.mark.parametrize("library", ["openvino", "onnxruntime", pytest.param("nncf", marks=pytest.mark.slow)])
def test_a_library_is_imported_without_its_telemetry(library: str, tmp_path: Path) -> None:
    program = f"""
        import sys
        from edgewise.export.engines import importing, reason

        with importing("Running OpenVINO", "openvino"):
            import {library}
        assert not [name for name in sys.modules if name.startswith("openvino_telemetry")]
        import openvino_telemetry  # still importable for others
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not [*tmp_path.rglob("*.ses")]  # where ONNX Runtime keeps its telemetry
    assert not [*tmp_path.glob("intel/*")]  # where Intel's telemetry stores the user's id


def test_a_missing_library_is_named() -> None:
    with (
        pytest.raises(MissingDependencyError, match=r"Flying needs wings, .* Run: pip install wings$"),
        importing("Flying", "export"),
    ):
        import wings.feathers  # type: ignore[import-not-found]  # noqa: F401
    assert sys.modules.get("openvino_telemetry", sys) is not None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Exception from a.cpp:1:\nCheck 'x' failed at b.cpp:2:\nIncorrect weights in bin file!\n\n",
            "Incorrect weights in bin file",
        ),
        (
            "Exception from a.cpp:1:\nSummary:\n-- No rule for: Det-20\nSee here.\n",
            "No rule for: Det-20 See here",
        ),
        ("", "RuntimeError"),
        ("tensor 1 is wrong. " * 99, "tensor 1 is wrong. " * 15 + "tensor 1 is ..."),
    ],
)
def test_an_error_is_shortened_to_one_line(said: str, told: str) -> None:
    assert reason(RuntimeError(said)) == told
