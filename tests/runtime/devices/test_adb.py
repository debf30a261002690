"""A phone over the real adb; the phone is an EMULATION (`_adbd.py`) with a stand-in for the runner.

This tests the protocol: transfer of files, commands, statuses and the cleanup, and the reporting of errors.
No number here is from a phone.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edgewise.export.artifact import IOS
from edgewise.models.errors import EdgewiseError, ParityError, UsageError
from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices import Event, device

HERE = Path(__file__).parent
STAND_IN = f'{sys.executable} -P {HERE / "_stand_in.py"} "$@"'

pytestmark = pytest.mark.skipif(shutil.which("adb") is None, reason="no adb: apt-get install adb")


def _module(name: str) -> ModuleType:
    """Load a file next to this one, because tests are not packages."""
    spec = spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


program = _module("_phone").program
Plug = Callable[..., Any]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that makes a shell script the runner."""

    def runner(script: str) -> None:
        path = program(tmp_path / "benchmark_model", script)
        monkeypatch.setenv("EDGEWISE_ANDROID_RUNNER", str(path))

    runner(f"exec {STAND_IN}\n")
    return runner


def quick(*contenders: Contender, **options: Any) -> BenchRequest:
    times = {"runs": 2, "seconds": 0.0, "warm_ups": 3, "warm_up_seconds": 0.0}
    return BenchRequest(contenders, **times | options)


def measured(name: str, request: BenchRequest) -> list[Event]:
    return list(device(name).run(request))


@pytest.mark.usefixtures("runner")
def test_a_model_and_its_reference_are_measured_interleaved(
    plug: Plug, bundle: Callable[[str], Path]
) -> None:
    phone, folder = plug(), bundle("int8")
    both = Contender(str(folder)), Contender(str(folder), "reference")
    events = measured("adb", quick(*both, runs=4, threads=2, cpus=(0,)))
    kinds = [f"{event['event']} {event.get('contender', '')}".strip() for event in events]
    opening = [f"{kind} {place}" for place in (0, 1) for kind in ("opened", "golden", "warm")]
    rounds = ["samples 0", "samples 1"] * 2
    assert kinds == [
        "machine",
        "placed",
        *opening,
        "before",
        *rounds,
        "closed 0",
        "closed 1",
        "after",
        "done",
    ]
    assert events[1] == {"event": "placed", "cpus": (0,), "chosen": False}
    assert [event["launch"] for event in events if event["event"] == "samples"] == [
        0,
        0,
        1,
        1,
    ]  # new processes
    assert phone.left == []
    opened = {event["contender"]: event for event in events if event["event"] == "opened"}
    read = Bundle.open(folder)
    assert opened[0]["model"]["sha256"] == read.manifest["files"][read.model.name]["sha256"]
    assert (opened[0]["model"]["precision"], opened[1]["model"]["precision"]) == ("w8a8", "fp32")
    engine = opened[1]["engine"]
    assert (engine["name"], engine["delegate"], engine["operators"]) == ("LiteRT", "XNNPACK", 1)
    assert engine["version"].startswith("benchmark_model ")
    assert all(len(event["ms"]) == 2 and min(event["ms"]) > 0 for event in events if "ms" in event)
    assert {event["warm_ups"] for event in events if event["event"] == "warm"} == {3}
    assert {event["peak_rss_bytes"] for event in events if event["event"] == "closed"} == {2.25 * 2**20}
    assert any("taskset 1 ./runner" in command for command in phone.commands)
    assert any("--num_threads=2" in command for command in phone.commands)


@pytest.mark.usefixtures("runner")
def test_its_events_become_records_that_are_not_trusted(plug: Plug, bundle: Callable[[str], Path]) -> None:
    plug()
    folder = str(bundle("float32"))
    request = quick(Contender(folder), Contender(folder, "reference"))
    gathered = Gathered(request, "adb")
    for event in device("adb").run(request):
        gathered.add(json.loads(json.dumps(event)))
    records = gathered.records()
    assert [found.model.part for found in records] == ["model", "reference"]
    assert all(found.golden and found.after and found.interrupted is None for found in records)
    assert all(found.end_to_end is None and found.others is None for found in records)
    reasons = " ".join(records[0].verdict.reasons)
    assert not records[0].verdict.trusted
    assert "too few samples (2, needs 50)" in reasons
    assert "the board reported throttling" in reasons


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize("io", IOS)
def test_the_golden_input_is_sent_and_its_output_comes_back(
    plug: Plug, bundle: Callable[[str], Path], io: str
) -> None:
    plug()
    events = measured("adb", quick(Contender(str(bundle(io)))))
    (golden,) = (event for event in events if event["event"] == "golden")
    assert golden["max_lsb"] == 0
    assert len(golden["output_sha256"]) == 64


@pytest.mark.usefixtures("runner")
def test_the_phone_is_described(plug: Plug, bundle: Callable[[str], Path]) -> None:
    plug()
    events = measured("adb", quick(Contender(str(bundle("float32")))))
    machine = events[0]
    assert machine["board"] == "Example Phone 8"
    assert machine["system"] == "Android 15 (API 35)"
    assert machine["processor"] == "Example S8"
    assert machine["features"] == ("asimd", "asimddp", "i8mm")
    assert (machine["cores"], machine["memory_bytes"]) == (3, 7812345 * 1024)
    assert machine["emulated"] == "the Android emulator"
    (before,) = (event for event in events if event["event"] == "before")
    assert before["governors"] == ("sched_pixel",) * 3
    assert before["frequencies_mhz"] == (1800, 2400, 3000)
    assert before["temperatures_c"] == {"SKIN": 36.4, "CPU0": 51.25}
    assert before["throttled"] == 4
    assert before["load"] == 1.25


@pytest.mark.usefixtures("runner")
def test_one_of_several_phones_must_be_chosen(plug: Plug, bundle: Callable[[str], Path]) -> None:
    one, other = plug(), plug()
    request = quick(Contender(str(bundle("float32"))))
    with pytest.raises(EdgewiseError, match="several phones are connected") as told:
        measured("adb", request)
    assert one.serial in str(told.value)
    assert other.serial in str(told.value)
    assert measured(f"adb:{other.serial}", request)[-1] == {"event": "done"}
    assert (one.commands, bool(other.commands)) == ([], True)
    with pytest.raises(EdgewiseError, match=r"adb finds no phone R5CT30; it finds 127\.0\.0\.1"):
        measured("adb:R5CT30", request)


@pytest.mark.usefixtures("runner")
def test_closing_the_events_leaves_nothing_behind(plug: Plug, bundle: Callable[[str], Path]) -> None:
    phone = plug()
    events = device("adb").run(quick(Contender(str(bundle("float32"))), seconds=60.0))
    while next(events)["event"] != "samples":
        pass
    (folder,) = phone.left
    assert folder.startswith("edgewise-")
    assert (phone.root / "data/local/tmp" / folder / "0.tflite").is_file()
    events.close()  # type: ignore[attr-defined]
    assert phone.left == []


def test_a_killed_runner_is_reported_and_samples_are_kept(
    plug: Plug, bundle: Callable[[str], Path], runner: Callable[[str], None], tmp_path: Path
) -> None:
    phone, times = plug(), tmp_path / "times"
    runner(f"echo once more >> {times}\n[ $(wc -l < {times}) -gt 3 ] && kill -9 $$\n{STAND_IN}\n")
    found: list[Event] = []
    with pytest.raises(EdgewiseError, match=r"the runner failed on the phone: killed.*\(status 137\)$"):  # noqa: PT012 - earlier events count
        for event in device("adb").run(quick(Contender(str(bundle("float32"))), runs=50)):
            found.append(event)  # noqa: PERF402 - until it ends
    assert [event["event"] for event in found[-3:]] == ["before", "samples", "samples"]
    assert phone.left == []


@pytest.mark.usefixtures("runner")
def test_samples_from_before_a_lost_connection_are_kept(plug: Plug, bundle: Callable[[str], Path]) -> None:
    phone = plug()
    found: list[Event] = []
    complaint = r"connection to the phone was lost.*edgewise-\w+ remains on the phone"
    with pytest.raises(EdgewiseError, match=complaint):  # noqa: PT012 - earlier events count
        for event in device("adb").run(quick(Contender(str(bundle("float32"))), runs=50)):
            found.append(event)
            if event["event"] == "samples":
                phone.hang_up, phone.answers = "./runner", False
    assert found[-1]["event"] == "samples"
    with pytest.raises(EdgewiseError, match="the phone is offline; reconnect"):
        measured("adb", quick(Contender(str(bundle("float32")))))


@pytest.mark.usefixtures("runner")
def test_a_full_phone_is_reported(plug: Plug, bundle: Callable[[str], Path]) -> None:
    phone = plug(room=2000)
    with pytest.raises(EdgewiseError, match="no space left on the phone for tiny-w8a8"):
        measured("adb", quick(Contender(str(bundle("float32")))))
    assert phone.left == []


@pytest.mark.usefixtures("runner")
def test_an_unauthorized_phone_is_explained(plug: Plug, bundle: Callable[[str], Path]) -> None:
    plug(authorized=False)
    with pytest.raises(
        EdgewiseError, match=r"the phone is (unauthorized|authorizing); unlock it and allow USB"
    ):
        measured("adb", quick(Contender(str(bundle("float32")))))


@pytest.mark.usefixtures("runner")
def test_a_missing_phone_and_a_missing_adb_are_reported(
    plug: Plug, bundle: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del plug
    with pytest.raises(EdgewiseError, match="adb finds no phone; connect it and allow USB debugging"):
        measured("adb", quick(Contender(str(bundle("float32")))))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgewiseError, match="adb is not installed; add Android's platform-tools"):
        measured("adb", quick(Contender(str(bundle("float32")))))


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("echo 'ERROR: Failed to load model 0.tflite'; echo more; exit 1", "ERROR: Failed to load model"),
        ("echo hello", "is not that of benchmark_model; set EDGEWISE_ANDROID_RUNNER to LiteRT's"),
        ("exit 127", "status 127.; set EDGEWISE_ANDROID_RUNNER to LiteRT's benchmark_model for this phone"),
    ],
)
def test_the_error_of_a_failed_runner_is_reported(
    plug: Plug, bundle: Callable[[str], Path], runner: Callable[[str], None], script: str, complaint: str
) -> None:
    phone = plug()
    runner(f"{script}\n")
    with pytest.raises(EdgewiseError, match=complaint):
        measured("adb", quick(Contender(str(bundle("float32")))))
    assert phone.left == []


def test_a_wrong_output_stops_the_run(
    plug: Plug, bundle: Callable[[str], Path], runner: Callable[[str], None]
) -> None:
    phone = plug()
    runner(f"{STAND_IN} || exit\nhead -c 24 /dev/zero > 0.tflite.output\n")
    with pytest.raises(ParityError, match="the golden sample differs on this machine by"):
        measured("adb", quick(Contender(str(bundle("float32")))))
    runner(f"{STAND_IN} || exit\necho short > 0.tflite.output\n")
    with pytest.raises(ParityError, match="the golden sample gave 1 logits instead of 6"):
        measured("adb", quick(Contender(str(bundle("float32")))))
    assert phone.left == []


def test_a_runner_without_golden_check_still_measures(
    plug: Plug, bundle: Callable[[str], Path], runner: Callable[[str], None]
) -> None:
    plug()
    runner(
        "echo 'WARN: Unconsumed cmdline flags: --use_xnnpack=true'\n"
        "echo 'INFO: Initialized session in 1.5ms.'\n"
        "echo 'INFO: count=1 curr=2500 p5=2500 median=2500 p95=2500'\n"
        "echo 'INFO: count=2 curr=2000(all same) p5=2000 median=2000 p95=2000'\n"
    )
    events = measured("adb", quick(Contender(str(bundle("float32")))))
    assert "golden" not in {event["event"] for event in events}
    (opened,) = (event for event in events if event["event"] == "opened")
    assert (opened["load_ms"], opened["first_ms"]) == (1.5, 2.5)
    assert (opened["engine"]["delegate"], opened["engine"]["operators"]) == (None, None)
    assert [event["ms"] for event in events if event["event"] == "samples"] == [[2.0, 2.0]]


def test_a_runner_must_be_a_file_with_the_digest_that_is_set(
    plug: Plug,
    bundle: Callable[[str], Path],
    runner: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    phone = plug()
    request = quick(Contender(str(bundle("float32"))))
    runner(f"exec {STAND_IN}\n")
    digest = hashlib.sha256((tmp_path / "benchmark_model").read_bytes()).hexdigest()
    monkeypatch.setenv("EDGEWISE_ANDROID_RUNNER_SHA256", "0" * 64)
    with pytest.raises(UsageError, match=f"has the sha256 {digest}, and EDGEWISE_ANDROID_RUNNER_SHA256 is 0"):
        measured("adb", request)
    monkeypatch.setenv("EDGEWISE_ANDROID_RUNNER", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="gone is not a file"):
        measured("adb", request)
    assert phone.commands == []
    monkeypatch.setenv("EDGEWISE_ANDROID_RUNNER", str(tmp_path / "benchmark_model"))
    monkeypatch.setenv("EDGEWISE_ANDROID_RUNNER_SHA256", digest.upper())
    assert measured("adb", request)[-1] == {"event": "done"}


def test_a_runner_measures_on_the_cpu_alone(plug: Plug, bundle: Callable[[str], Path], runner: Any) -> None:
    phone = plug()
    runner(f"exec {STAND_IN}\n")
    with pytest.raises(UsageError, match="EDGEWISE_ANDROID_RUNNER measures on the CPU; unset it"):
        measured("adb", quick(Contender(str(bundle("float32"))), accelerator="gpu"))
    assert phone.commands == []


@pytest.mark.usefixtures("runner")
def test_a_runner_tells_whether_xnnpack_ran_the_whole(
    plug: Plug, bundle: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = plug()
    request = quick(Contender(str(bundle("float32"))), accelerator="xnnpack")
    gathered = Gathered(request, "adb")
    for event in device("adb").run(request):
        gathered.add(event)
    assert [record.engine.delegate for record in gathered.records()] == ["XNNPACK"]
    phone.commands.clear()
    monkeypatch.delenv("EDGEWISE_ANDROID_RUNNER")
    with pytest.raises(UsageError, match="the app cannot see how many operators XNNPACK runs; set EDGEWISE"):
        measured("adb", request)
    assert phone.commands == []


@pytest.mark.parametrize("name", ["adb:", "adb:-s"])
def test_a_name_without_a_serial_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="write adb, or adb:SERIAL"):
        device(name)
