"""One model in its process: measurements, units and refusals."""

import gc
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from edgewise.models.errors import EdgewiseError, ParityError, UsageError
from edgewise.models.images import sha256_of
from edgewise.runtime import EngineSession, open_session
from edgewise.runtime.bench.worker import Worker, _times
from edgewise.runtime.bundle import Bundle

TARGETS = ("onnx", "openvino", "tflite")


def opened(bundle: Path, part: str = "model", threads: int = 1) -> tuple[Worker, dict[str, Any]]:
    worker = Worker()
    return worker, worker.open(threads, None, bundle=str(bundle), part=part)


@pytest.mark.parametrize("part", ["model", "reference"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_executes_all_orders(tiny_bundles: dict[str, Path], target: str, part: str) -> None:
    start = time.perf_counter()
    worker, told = opened(tiny_bundles[target], part)
    golden, warm = worker.golden(), worker.warm(least=5, seconds=0)
    block, whole = worker.block(count=7, settle_seconds=0), worker.end_to_end(count=3)
    lasted_ms = 1000 * (time.perf_counter() - start)
    model, engine = told["model"], told["engine"]
    assert model["target"] == target
    assert (model["part"], model["precision"]) == (part, "w8a8" if part == "model" else "fp32")
    assert engine["delegated"] == engine["operators"] > 10
    assert golden["max_lsb"] == (0 if part == "model" and target != "openvino" else None)
    assert golden["max_rel"] < 1e-4
    assert warm["warm_ups"] == 8  # plus the first and two more before
    assert block["unrecorded"] == 1
    assert [len(times["ms"]) for times in (block, whole)] == [7, 3]
    assert 0 < sum(block["ms"]) + sum(whole["ms"]) + told["load_ms"] + told["first_ms"] < lasted_ms
    assert min(whole["ms"]) > min(block["ms"])
    assert 0 <= worker.close()["peak_rss_bytes"] < 1e9


def test_the_checksum_of_the_output_is_that_of_its_bytes(tiny_bundle: Path) -> None:
    worker, _ = opened(tiny_bundle)
    bundle = Bundle.open(tiny_bundle)
    output = open_session(bundle.model, "tflite")(bundle.golden().input)
    assert worker.golden()["output_sha256"] == hashlib.sha256(output.tobytes()).hexdigest()


def test_the_checksum_of_the_model_can_be_computed_by_hand(tiny_bundles: dict[str, Path]) -> None:
    _, told = opened(tiny_bundles["tflite"])
    path = Bundle.open(tiny_bundles["tflite"]).model
    assert told["model"]["sha256"] == sha256_of(path)
    assert told["model"]["size_bytes"] == path.stat().st_size
    _, told = opened(tiny_bundles["openvino"])
    files = [path := Bundle.open(tiny_bundles["openvino"]).model, path.with_suffix(".bin")]
    listed = "".join(f"{sha256_of(file)}  {file.name}\n" for file in files)
    assert told["model"]["sha256"] == hashlib.sha256(listed.encode()).hexdigest()
    assert told["model"]["size_bytes"] == sum(file.stat().st_size for file in files)


def test_it_warms_up_by_count_and_by_time(tiny_bundle: Path) -> None:
    worker, _ = opened(tiny_bundle)
    start = time.perf_counter()
    assert worker.warm(least=1, seconds=0.1)["warm_ups"] > 4
    assert time.perf_counter() - start > 0.1
    assert worker.block(count=1, settle_seconds=0.05)["unrecorded"] > 1


@pytest.mark.parametrize("part", ["model", "reference"])
def test_a_board_that_computes_something_else_is_not_measured(tiny_bundle: Path, part: str) -> None:
    worker, _ = opened(tiny_bundle, part)
    session = worker._session
    worker._session = cast(EngineSession, lambda batch: session(batch)[:, ::-1])
    with pytest.raises(ParityError):
        worker.golden()


def test_a_board_with_other_preprocessing_is_not_measured(tiny_bundle: Path) -> None:
    worker, _ = opened(tiny_bundle)
    worker._golden = replace(worker._golden, input=worker._golden.input + np.float32(0.1))
    with pytest.raises(ParityError, match="preprocessing differs on this machine"):
        worker.golden()


def test_a_damaged_bundle_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    model = Bundle.open(bundle).model
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    with pytest.raises(EdgewiseError, match="is damaged: it does not match the manifest's SHA-256"):
        opened(bundle)


def test_a_float_bundle_has_no_reference(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"reference": None}))
    with pytest.raises(UsageError, match="no float reference"):
        opened(bundle, "reference")


def test_garbage_collection_is_off_while_it_measures() -> None:
    seen = []
    assert len(_times(lambda: seen.append(gc.isenabled()), 3)) == 3
    assert seen == [False] * 3
    assert gc.isenabled()


def test_times_are_those_of_the_calls() -> None:
    spent = _times(lambda: time.sleep(0.01), 3)
    assert all(0.01e9 <= one < 1e9 for one in spent)


class Process:
    """The worker process, as started by the runner."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "edgewise.runtime.bench.worker"]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self.popen.stdin
        assert self.popen.stdout
        print(json.dumps(order), file=self.popen.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.popen.stdout.readline())
        return answer


def test_it_stays_on_its_processors_and_ends_with_its_orders(tiny_bundle: Path) -> None:
    cpu = max(os.sched_getaffinity(0))
    process = Process()
    with process.popen:
        answer = process.ask(do="open", bundle=str(tiny_bundle), part="model", threads=2, cpus=[cpu])
        assert answer["cpu_seconds"] > 0
        threads = [int(path.name) for path in Path(f"/proc/{process.popen.pid}/task").iterdir()]
        assert len(threads) > 1
        assert all(os.sched_getaffinity(thread) == {cpu} for thread in threads)
        assert process.ask(do="warm", least=3, seconds=0)["cpu_seconds"] > answer["cpu_seconds"]
    assert process.popen.returncode == 0


@pytest.mark.parametrize("cpus", [[999], [0, 999], [-1], [1 << 70]])
def test_missing_processors_are_refused(tiny_bundle: Path, cpus: list[int]) -> None:
    process = Process()
    with process.popen:
        error = process.ask(do="open", bundle=str(tiny_bundle), part="model", threads=1, cpus=cpus)["error"]
        assert error["kind"] == "UsageError"
        assert error["exit_code"] == 2
        assert f"--cpus {','.join(map(str, cpus))}: choose from this machine's 0" in error["message"]


def test_the_same_picture_is_measured_after_every_order(tiny_bundle: Path) -> None:
    worker, _ = opened(tiny_bundle)
    worker.golden()
    worker.end_to_end(count=2)
    worker.block(count=2, settle_seconds=0)
    interpreter: Any = worker._session
    kept = interpreter._interpreter.get_tensor(interpreter._input["index"])
    assert np.array_equal(kept, worker._golden.input)
