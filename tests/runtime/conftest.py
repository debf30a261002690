"""Whole bundles of the tiny network in INT8, each with its float twin; and processes that must not stay."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from edgewise.export._artifact import Artifact, write_bundle
from edgewise.runtime import open_session, runtime
from edgewise.runtime.golden import sample
from edgewise.runtime.reference import TorchSession


def written(network: nn.Module, file: Artifact, twin: Artifact, folder: Path) -> Path:
    golden = sample(file.spec.preprocess, TorchSession(network), open_session(file.path, file.target))
    record = {"structure": runtime(file.target).structure(file.path).to_json()}
    return write_bundle(folder, file, twin, golden, record).folder


@pytest.fixture(scope="session")
def tiny_bundle(
    tiny_network: nn.Module,
    tiny_int8: dict[str, Artifact],
    tiny_float: Artifact,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of the one for TFLite."""
    folder = tmp_path_factory.mktemp("bundle") / "tiny-tflite-w8a8"
    return written(tiny_network, tiny_int8["float32"], tiny_float, folder)


@pytest.fixture(scope="session")
def tiny_bundles(
    tiny_network: nn.Module,
    tiny_bundle: Path,
    onnx_int8: Artifact,
    onnx_float: Artifact,
    openvino_int8: Artifact,
    openvino_float: Artifact,
) -> dict[str, Path]:
    """Their folders by target."""
    others = {"onnx": (onnx_int8, onnx_float), "openvino": (openvino_int8, openvino_float)}
    return {"tflite": tiny_bundle} | {
        target: written(tiny_network, *files, tiny_bundle.with_name(f"tiny-{target}-w8a8"))
        for target, files in others.items()
    }


@pytest.fixture
def descendants() -> Callable[..., list[int]]:
    """Gives the living children of a process, and theirs, that run a module of such a name."""

    def find(pid: int, module: str = "") -> list[int]:
        children: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent, *_ = path.read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if state != "Z":
                children.setdefault(int(parent), []).append(int(path.parent.name))
        pending, found = [pid], []
        while pending:
            next_ones = children.get(pending.pop(), [])
            pending += next_ones
            found += next_ones
        return [one for one in found if module in Path(f"/proc/{one}/cmdline").read_text()]

    return find


@pytest.fixture
def gone() -> Callable[..., bool]:
    """Says whether processes have ended, within a patience in seconds."""

    def wait(pids: list[int], patience_s: float = 10) -> bool:
        end = time.monotonic() + patience_s
        while any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    return wait
