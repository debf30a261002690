"""One run on a phone: copy the files and measure the models interleaved."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...models.images import sha256_of
from ...models.scratch import scratch_folder
from ..bench.record import Engine
from ..bench.subject import Subject
from . import Event
from ._adb_client import Adb
from ._adb_golden import given, logits
from ._adb_runner import SAMPLES, Series, command, read

if TYPE_CHECKING:
    from ..bench.request import BenchRequest

# For each process after the first: enough to fill the caches and for the governor to react.
_REWARM_RUNS, _REWARM_S = 1, 0.2


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model and its position in the request."""

    place: int
    subject: Subject

    @property
    def name(self) -> str:
        """The name of its file on the phone."""
        return f"{self.place}.tflite"


class Run:
    """A request on a phone, in a separate folder there."""

    def __init__(self, phone: Adb, folder: str, runner: Path, request: "BenchRequest") -> None:
        self._phone, self._folder, self._runner, self._request = phone, folder, runner, request

    def send(self, contestants: Sequence[Contestant]) -> None:
        """Copy the runner, the models and their golden inputs."""
        self._phone.push(self._runner, f"{self._folder}/runner")
        self._phone.need(f"chmod 755 {self._folder}/runner", "make the runner executable")
        with scratch_folder() as here:
            tensor = here / "input"
            for contestant in contestants:
                tensor.write_bytes(given(contestant.subject))
                self._phone.push(contestant.subject.path, f"{self._folder}/{contestant.name}")
                self._phone.push(tensor, f"{self._folder}/{contestant.name}.input")

    def opening(self, contestant: Contestant) -> Iterator[Event]:
        """Load, warm up and check the golden sample; samples before the conditions are read do not count."""
        series = self._series(contestant, self._request.warm_ups, self._request.warm_up_seconds)
        # The program does not report a version.
        version = f"benchmark_model {sha256_of(self._runner)[:12]}"
        engine = Engine("LiteRT", version, series.delegate, series.operators, series.delegated)
        place = {"contender": contestant.place}
        yield (
            {"event": "opened"}
            | place
            | {
                "model": asdict(contestant.subject.model),
                "engine": asdict(engine),
                "load_ms": series.load_ms,
                "first_ms": series.first_ms,
            }
        )
        if (answer := self._answer(contestant)) is not None:
            golden = contestant.subject.judged(logits(contestant.subject, answer))
            yield {"event": "golden"} | place | asdict(golden)
        yield {"event": "warm"} | place | {"warm_ups": series.warm_ups}

    def in_turn(self, contestants: Sequence[Contestant]) -> Iterator[Event]:
        """Measure two samples of each in turn, until all have enough samples and time."""
        start, count, seconds = time.monotonic(), 0, self._request.seconds * len(contestants)
        launch, peaks = 0, dict[int, int | None]()
        while count < self._request.runs or time.monotonic() - start < seconds:
            for contestant in contestants:
                series = self._series(contestant, _REWARM_RUNS, _REWARM_S)
                yield {
                    "event": "samples",
                    "contender": contestant.place,
                    "launch": launch,
                    "ms": list(series.samples_ms),
                }
                peaks[contestant.place] = series.peak_rss_bytes
            count, launch = count + SAMPLES, launch + 1
        for place, peak in peaks.items():
            yield {"event": "closed", "contender": place, "peak_rss_bytes": peak}

    def _series(self, contestant: Contestant, warm_ups: int, warm_up_seconds: float) -> Series:
        picture = contestant.subject.bundle.spec.preprocess.shape
        script = command(contestant.name, picture, self._request.threads, self._request.cpus)
        warm = f"--warmup_runs={warm_ups} --warmup_min_secs={warm_up_seconds:g}"
        return read(*self._phone.shell(f"cd {self._folder} && {script} {warm}"))

    def _answer(self, contestant: Contestant) -> bytes | None:
        """The model's output for the golden input; None if the runner writes none."""
        there = f"{self._folder}/{contestant.name}.output"
        if self._phone.shell(f"test -f {there}")[0]:
            return None
        with scratch_folder() as here:
            self._phone.pull(there, here / "output")
            return (here / "output").read_bytes()
