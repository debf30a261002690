"""The demo app as the runner, over the real adb; the phone is an EMULATION (`_adbd.py`) with a stand-in app.

The stand-in gives real records of this machine through the app's files, so that the intent, the transfer by
`run-as`, the launches and the reading of records are tested. No number here is from a phone.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewise.models.errors import EdgewiseError, ParityError, UsageError
from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.devices import Event, device
from edgewise.runtime.devices.adb import Phone

Install = Callable[..., Any]

pytestmark = pytest.mark.skipif(shutil.which("adb") is None, reason="no adb: apt-get install adb")


def quick(folder: Path, *parts: Any, **options: Any) -> BenchRequest:
    times = {"runs": 4, "seconds": 0.0, "warm_ups": 2, "warm_up_seconds": 0.0}
    return BenchRequest(tuple(Contender(str(folder), part) for part in parts), **times | options)


def measured(request: BenchRequest) -> list[Event]:
    return list(device("adb").run(request))


def test_each_launch_of_the_app_measures_the_model_and_its_twin(
    installed: Install, bundle: Callable[[str], Path]
) -> None:
    phone = installed()
    events = measured(quick(bundle("int8"), "reference", "model", launches=2, threads=2, runs=8))
    kinds = [f"{event['event']} {event.get('contender', '')}".strip() for event in events]
    first, again = (
        [
            f"{kind} {place}"
            for place in (0, 1)
            for kind in ("opened", "golden", "warm", "samples", *more, "closed")
        ]
        for more in (["end_to_end"], [])
    )
    assert kinds == ["machine", "placed", "before", *first, *again, "after", "done"]
    samples = [event for event in events if event["event"] == "samples"]
    assert [(event["contender"], event["launch"]) for event in samples] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert all(len(event["ms"]) >= 4 for event in samples)
    (start,) = {command for command in phone.commands if "am start" in command}
    for extra in ("--es parts reference,model", "--ei threads 2", "--ei runs 4", "--es accelerator CPU"):
        assert extra in start
    assert phone.left == []
    assert not (phone.root / "data/user/0/edgewise.demo/files/bench").exists()


def test_five_launches_and_ten_seconds_become_records_with_an_interval(
    installed: Install, bundle: Callable[[str], Path]
) -> None:
    installed()
    request = quick(bundle("float32"), "model", launches=5, runs=50)
    gathered = Gathered(request, "adb")
    for event in device("adb").run(request):
        gathered.add(event)
    (record,) = gathered.records()
    assert record.golden is not None
    assert (len(record.launches), record.interrupted, record.engine.delegate) == (5, None, "CPU")
    assert record.p50_interval is not None
    assert not any("launches" in reason or "samples (" in reason for reason in record.verdict.reasons)


def test_the_app_is_kept_on_the_chosen_processors(installed: Install, bundle: Callable[[str], Path]) -> None:
    phone = installed()
    events = measured(quick(bundle("float32"), "model", cpus=(0, 2)))
    assert {"event": "placed", "cpus": (0, 2), "chosen": False} in events
    assert (phone.root / "pinned").read_text().startswith("-ap 5 ")


def test_an_accelerator_is_passed_to_the_app(installed: Install, bundle: Callable[[str], Path]) -> None:
    installed()
    events = measured(quick(bundle("float32"), "model", accelerator="gpu"))
    (opened,) = (event for event in events if event["event"] == "opened")
    assert opened["engine"]["delegate"] == "GPU"


@pytest.mark.parametrize(
    ("answer", "error", "complaint"),
    [
        (
            '{"error": "the GPU cannot run the model: no GPU"}',
            EdgewiseError,
            "the app failed: the GPU cannot run",
        ),
        ("nonsense", EdgewiseError, "the app's answer cannot be read"),
        (
            '{"records": []}',
            EdgewiseError,
            "the app has not measured tiny-w8a8.*install the app of this version",
        ),
    ],
)
def test_the_error_of_the_app_is_reported(
    installed: Install, bundle: Callable[[str], Path], answer: str, error: type[EdgewiseError], complaint: str
) -> None:
    phone = installed(
        f"printf %s '{answer}' > $(dirname $0)/../data/user/0/edgewise.demo/files/bench/answer.json"
    )
    with pytest.raises(error, match=complaint):
        measured(quick(bundle("float32"), "model"))
    assert phone.left == []


def test_a_golden_sample_that_fails_on_the_phone_stops_the_run(
    installed: Install, bundle: Callable[[str], Path]
) -> None:
    """The app records the latency of a wrong model, too, with the reason first; bench refuses it."""
    phone = installed()
    wrong = "the golden sample differs by 30 steps (allowed 24) on this device"
    stand_in = phone.root / "bin/am"
    edit = (
        f'{sys.executable} -P -c "import json, pathlib; '
        f"p = pathlib.Path('{phone.root}/data/user/0/edgewise.demo/files/bench/answer.json'); "
        f"d = json.loads(p.read_text()); v = d['records'][0]['verdict']; "
        f"v['trusted'] = False; v['reasons'] = ['{wrong}', *v['reasons']]; p.write_text(json.dumps(d))\""
    )
    stand_in.write_text(stand_in.read_text().replace("& wait ;;", f"& wait; {edit} ;;"))
    with pytest.raises(ParityError, match="golden sample differs by 30 steps"):
        measured(quick(bundle("float32"), "model"))
    assert phone.left == []


def test_an_app_that_crashes_is_reported(installed: Install, bundle: Callable[[str], Path]) -> None:
    phone = installed("rm $(dirname $0)/../pid")
    with pytest.raises(EdgewiseError, match="the app ended without an answer; see: adb logcat"):
        measured(quick(bundle("float32"), "model"))
    assert phone.left == []


def test_an_app_that_does_not_start_is_reported(installed: Install, bundle: Callable[[str], Path]) -> None:
    installed("echo 'Error: Activity class does not exist.'")
    with pytest.raises(EdgewiseError, match=r"does not start .Error: Activity class.*installDebug"):
        measured(quick(bundle("float32"), "model"))


def test_a_missing_app_and_a_release_build_are_explained(
    installed: Install,
    plug: Callable[..., Any],
    bundle: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = quick(bundle("float32"), "model")
    monkeypatch.delenv("EDGEWISE_ANDROID_RUNNER", raising=False)
    bare = plug()
    with pytest.raises(
        UsageError, match=r"the demo app is not installed.*gradle -p android_demo :app:installDebug"
    ):
        list(Phone(f"adb:{bare.serial}", bare.serial).run(request))
    release = installed(debuggable=False)
    with pytest.raises(UsageError, match=r"not debuggable.*install its debug build"):
        list(Phone(f"adb:{release.serial}", release.serial).run(request))
