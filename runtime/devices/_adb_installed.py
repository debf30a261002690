"""The demo app on a phone: adb gives it files by `run-as`, starts it by intent, and fetches its answer.

The app must be installed as a debuggable build, which `run-as` needs; `android_demo/app/.../Order.kt` is the
other side. Every order is for a new process of the app.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from ...models.errors import EdgewiseError, UsageError
from ..android import BUILD
from ..bundle.atomic import MANIFEST
from ._adb_client import Adb

PACKAGE = "edgewise.demo"
_SCREEN = f"{PACKAGE}/.SelfTestActivity"
_FOLDER = "files/bench"  # below the app's data, where `run-as` begins
_ANSWER = "answer.json"
_POLL_S = 1.0
_KINDS = {str: "--es", int: "--ei", float: "--ef"}
_WATCH = f"""
run-as {PACKAGE} test -f {_FOLDER}/{_ANSWER} && echo ready
echo "process: $(pidof {PACKAGE})"
for core in /sys/devices/system/cpu/cpu[0-9]*; do
echo "core $core: $(cat $core/cpufreq/scaling_cur_freq)"; done
true"""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The app while it works."""

    ready: bool
    process: int | None
    mhz: dict[int, float]


class App:
    """The app on a phone; `folder` is on the phone too, and files stop there on their way.

    Raises:
        UsageError: it is not installed, or not as a debuggable build.
    """

    def __init__(self, phone: Adb, folder: str) -> None:
        self._phone, self._folder = phone, folder
        if phone.shell(f"pm path {PACKAGE}")[0]:
            raise UsageError(
                f"{phone.serial}: the demo app is not installed, which runs models on phones; "
                f"install it: {BUILD}"
            )
        status, said = phone.shell(f"run-as {PACKAGE} true")
        if status:
            raise UsageError(
                f"{phone.serial}: the app's files cannot be reached ({said.strip() or 'run-as failed'}); "
                f"install its debug build: {BUILD}"
            )

    def send_bundle(self, folder: Path, name: str) -> None:
        """Copy a bundle into the app's files."""
        manifest = json.loads((folder / MANIFEST).read_bytes())
        for file in (MANIFEST, *manifest["files"]):
            self.send(folder / file, f"{name}/{file}")

    def send(self, file: Path, name: str) -> None:
        """Copy a file into the app's files."""
        target = f"{_FOLDER}/{name}"
        self._phone.push(file, f"{self._folder}/part")
        parent = quote(target.rpartition("/")[0])
        copy = quote(f"mkdir -p {parent} && cat > {quote(target)}")
        self._phone.need(
            f"cat {self._folder}/part | run-as {PACKAGE} sh -c {copy}", f"copy {file.name} into the app"
        )

    def fetch(self, name: str, to: Path) -> None:
        """Copy a file of the app from the phone."""
        part = f"{self._folder}/part"
        self._phone.need(f"run-as {PACKAGE} cat {_FOLDER}/{name} > {part}", f"copy {name} from the app")
        self._phone.pull(part, to)

    def start(self, extras: Mapping[str, str | int | float]) -> None:
        """Start a new process of the app with an order."""
        self._phone.need(f"am force-stop {PACKAGE}", "stop the app")
        self._run(f"rm -f {_FOLDER}/{_ANSWER}")
        self._phone.shell("input keyevent KEYCODE_WAKEUP")
        told = {"answer": _ANSWER, **extras}
        words = [
            f"{_KINDS[type(value)]} {name} {f'{value:.6f}' if isinstance(value, float) else value}"
            for name, value in told.items()
        ]
        said = self._phone.need(f"am start -W -n {_SCREEN} {' '.join(words)}", "start the app")
        if refused := re.search(r"^(?:Error|java\.lang\.\w+|Exception).*", said, re.MULTILINE):
            raise EdgewiseError(
                f"{self._phone.serial}: the app does not start ({refused[0]}); install it: {BUILD}"
            )

    def pin(self, cpus: Sequence[int]) -> str | None:
        """Keep the running app on these processors; what the phone said where it refuses."""
        mask = f"{sum(1 << cpu for cpu in cpus):x}"
        status, said = self._phone.shell(f"run-as {PACKAGE} taskset -ap {mask} $(pidof {PACKAGE})")
        return said.strip() if status else None

    def wait(self, patience_s: float, cpus: Sequence[int] | None = None) -> tuple[str, list[float]]:
        """Wait for the app's answer; return it, and the frequency of the fastest core in use at each look.

        Raises:
            EdgewiseError: the app ended without an answer, or does not answer.
        """
        end = time.monotonic() + patience_s
        mhz: list[float] = []
        while time.monotonic() < end:
            seen = _read(self._phone.need(_WATCH, "look at the app"))
            if seen.ready:
                return self._run(f"cat {_FOLDER}/{_ANSWER}"), mhz
            if seen.process is None:
                raise EdgewiseError(
                    f"{self._phone.serial}: the app ended without an answer; see: adb logcat -b crash -d"
                )
            used = [found for core, found in seen.mhz.items() if cpus is None or core in cpus]
            mhz += [max(used)] if used else []
            time.sleep(_POLL_S)
        raise EdgewiseError(
            f"{self._phone.serial}: the app has not answered for {patience_s:g} s; unlock the phone"
        )

    def clean(self) -> None:
        """Remove the files that were sent, and stop the app."""
        self._run(f"rm -rf {_FOLDER}")
        self._phone.shell(f"am force-stop {PACKAGE}")

    def _run(self, script: str) -> str:
        return self._phone.need(f"run-as {PACKAGE} {script}", f"run '{script}' as the app")


def document(phone: Adb, text: str) -> object:
    """The app's answer, as plain data.

    Raises:
        EdgewiseError: it is an error, or cannot be read.
    """
    try:
        found: object = json.loads(text)
    except ValueError as error:
        raise EdgewiseError(f"{phone.serial}: the app's answer cannot be read ({error})") from error
    if isinstance(found, dict) and "error" in found:
        raise EdgewiseError(f"{phone.serial}: the app failed: {found['error']}")
    return found


def _read(text: str) -> _Seen:
    found = re.search(r"^process: (\d+)", text, re.MULTILINE)
    cores = re.findall(r"^core \S*/cpu(\d+): (\d+)$", text, re.MULTILINE)
    mhz = {int(core): int(kilohertz) / 1000 for core, kilohertz in cores}
    return _Seen(text.startswith("ready") or "\nready" in text, int(found[1]) if found else None, mhz)
