"""Models measured in a real Chromium with the real engines, and failures there."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError, ParityError, UsageError
from edgewise.runtime import open_session
from edgewise.runtime import runtime as runtime_of
from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.bundle import write_bundle
from edgewise.runtime.bundle.golden import Golden
from edgewise.runtime.devices import Event
from edgewise.runtime.devices import _chromium as chromium
from edgewise.runtime.devices.browser import Browser, open_device
from edgewise.runtime.judge.golden import sample
from edgewise.runtime.reference import TorchSession

Find = Callable[[], list[int]]


@pytest.fixture(scope="module")
def int8(
    tiny_network: nn.Module,
    tiny_float: Artifact,
    tiny_int8: dict[str, Artifact],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """An INT8 bundle for LiteRT."""
    folder = tmp_path_factory.mktemp("bundles") / "tflite"
    return bundle_of(tiny_network, tiny_int8["float32"], tiny_float, folder)


@pytest.fixture(scope="module")
def onnx(tiny_network: nn.Module, onnx_float: Artifact, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A float bundle for ONNX Runtime."""
    return bundle_of(tiny_network, onnx_float, None, tmp_path_factory.mktemp("bundles") / "onnx")


pytestmark = pytest.mark.usefixtures("no_browser_is_left")


def bundle_of(network: nn.Module, file: Artifact, twin: Artifact | None, folder: Path) -> str:
    session = open_session(file.path, file.target)
    golden = sample(file.spec.preprocess, TorchSession(network), session)
    record = {"structure": runtime_of(file.target).read_structure(file.path).to_json()}
    return str(write_bundle(folder, file, twin, golden, record).folder)


def rewritten(folder: str, to: Path, content: bytes | None, golden: Golden | None) -> str:
    """The same bundle with another model file or golden sample."""
    from edgewise.runtime.bundle import Bundle

    bundle = Bundle.open(Path(folder))
    file = to / bundle.model.name
    file.write_bytes(bundle.model.read_bytes() if content is None else content)
    model = Artifact(file, bundle.target, bundle.precision, bundle.io, bundle.spec)
    record = {"structure": bundle.manifest["structure"]}
    return str(write_bundle(to / "bundle", model, None, golden or bundle.golden(), record).folder)


def quick(*contenders: Contender, threads: int = 1) -> BenchRequest:
    return BenchRequest(contenders, threads=threads, runs=6, seconds=0, warm_ups=2, warm_up_seconds=0)


def of(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["event"] == kind]


def test_both_engines_are_measured_interleaved_and_become_records(
    browser: Browser, int8: str, onnx: str
) -> None:
    request = quick(Contender(int8, "reference"), Contender(int8), Contender(onnx))
    gathered, events = Gathered(request, browser.name), []
    for event in browser.run(request):
        gathered.add(event)
        events.append(event)
    kinds = [event["event"] for event in events]
    assert kinds[:7] == ["machine", *["opened", "golden"] * 3]
    assert kinds[7:11] == ["warm", "warm", "warm", "before"]
    assert kinds[-5:] == ["after", *["closed"] * 3, "done"]
    assert [len(event["ms"]) for event in of(events, "samples")] == [len(of(events, "samples")[0]["ms"])] * (
        len(of(events, "samples"))
    )
    records = gathered.records()
    assert [record.model.title for record in records] == [
        "tiny tflite fp32",
        "tiny tflite w8a8",
        "tiny onnx fp32",
    ]
    names = [(record.engine.name, record.engine.delegate) for record in records]
    assert names == [("LiteRT.js", "XNNPACK")] * 2 + [("ONNX Runtime Web", "wasm")]
    for record in records:
        assert record.interrupted is None
        assert record.summary.count >= 6
        assert 0 < record.summary.p50_ms < 1000
        assert record.machine.software is not None
        assert record.machine.software.endswith(", headless")
        assert record.machine.emulated is None
        assert record.golden is not None
        assert record.golden.max_rel < 1e-3 or record.golden.max_lsb is not None
        assert record.before is not None
        assert record.others is not None
    assert records[1].golden is not None
    assert records[1].golden.max_lsb is not None
    assert records[1].golden.max_lsb <= 1


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two processors")
def test_two_threads_compute_the_same(browser: Browser, int8: str, onnx: str) -> None:
    request = quick(Contender(int8), Contender(onnx), threads=2)
    events = list(browser.run(request))
    assert of(events, "golden")[0]["max_lsb"] <= 1
    assert events[-1]["event"] == "done"


def test_more_threads_than_processors_are_refused(browser: Browser, int8: str) -> None:
    with pytest.raises(UsageError, match=r"--threads 999: the browser offers \d+ processors"):
        list(browser.run(quick(Contender(int8), threads=999)))


@pytest.mark.parametrize(
    ("target", "content", "reason"),
    [
        ("int8", b"not a model", "Failed to load model"),
        ("onnx", b"\x08\x0a", "Can't create a session"),  # a version and nothing else
    ],
)
def test_the_error_of_a_page_is_reported(
    browser: Browser,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    target: str,
    content: bytes,
    reason: str,
) -> None:
    broken = rewritten(request.getfixturevalue(target), tmp_path, content, None)
    with pytest.raises(EdgewiseError, match=f"the browser failed: tiny .*: {reason}"):
        list(browser.run(quick(Contender(broken))))


def test_another_output_for_the_golden_sample_is_refused(browser: Browser, onnx: str, tmp_path: Path) -> None:
    from edgewise.runtime.bundle import Bundle

    golden = Bundle.open(Path(onnx)).golden()
    off = replace(golden, output=golden.output * np.float32(1.01))
    with pytest.raises(ParityError, match=r"golden sample differs .* relative"):
        list(browser.run(quick(Contender(rewritten(onnx, tmp_path, None, off)))))


def test_samples_from_before_a_browser_crash_are_kept(browser: Browser, int8: str, browsers: Find) -> None:
    request = replace(quick(Contender(int8)), seconds=60.0)
    gathered = Gathered(request, browser.name)

    def run() -> None:
        for event in browser.run(request):
            gathered.add(event)
            if event["event"] == "samples":
                for browser_id in browsers():  # none when further samples arrived before it was killed
                    os.kill(browser_id, signal.SIGKILL)

    with pytest.raises(EdgewiseError, match=r"exited before it was done .status -9;"):
        run()
    (record,) = gathered.records("crashed")
    assert record.summary.count >= 2
    assert record.interrupted == "crashed"


def test_an_abandoned_run_ends_the_browser(browser: Browser, int8: str, browsers: Find) -> None:
    events = browser.run(replace(quick(Contender(int8)), seconds=60.0))
    assert next(event for event in events if event["event"] == "samples")
    assert browsers()
    events.close()  # type: ignore[attr-defined]
    assert not browsers()


def test_a_browser_that_does_not_respond_is_abandoned(browser: Browser, int8: str) -> None:
    with pytest.raises(EdgewiseError, match="not responded for 0 s"):
        list(replace(browser, start_s=0.0).run(quick(Contender(int8))))


def test_the_users_browser_is_asked_to_open_the_page(
    browser: Browser, int8: str, browsers: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = browser.program
    assert program is not None
    own = open_device("browser:open")
    assert own.program is None
    with ExitStack() as stack:

        def show(address: str) -> bool:
            """Open it like the user's browser, which stays open when we are done."""
            stack.enter_context(chromium.opened(program, address, None))
            return True

        monkeypatch.setattr("webbrowser.open_new_tab", show)
        events = list(own.run(quick(Contender(int8))))
        assert browsers()
    assert not events[0]["software"].endswith("headless")
    assert events[-1]["event"] == "done"
    assert of(events, "after")[0]["others"] is None


def test_a_machine_without_any_browser_is_explained(
    browser: Browser, int8: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open_new_tab", lambda _: False)
    with pytest.raises(EdgewiseError, match="no browser to open; install Chromium"):
        list(replace(browser, program=None).run(quick(Contender(int8))))
    with pytest.raises(UsageError, match="cannot be pinned to processors"):
        list(replace(browser, program=None).run(replace(quick(Contender(int8)), cpus=(0,))))


def test_names_choose_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_device("browser:open").program is None
    with pytest.raises(UsageError, match="use browser, browser:headless or browser:open"):
        open_device("browser:lynx")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "_ELSEWHERE", ())
    assert open_device("browser").program is None
    with pytest.raises(EdgewiseError, match=r"found no Chromium, .*apt install chromium.* browser:open"):
        open_device("browser:headless")
