"""A browser: the same model files in LiteRT.js and ONNX Runtime Web, on WebAssembly.

    browser             a Chromium of this machine without a window; if there is none, the user's browser
    browser:headless    a Chromium, or an error
    browser:open        the user's browser, in a new tab

`_page/` measures, and posts its events to `_loopback.py`.

No picture goes the whole way (`end_to_end`): browsers decode pictures, but resize them otherwise than
`Preprocess` does, of which there is to be only one. Peaks of memory are not told to pages.
"""

import json
import time
import webbrowser
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...models.errors import EdgewiseError, UsageError
from . import Event
from ._chromium import Chromium, find, opened
from ._loopback import File, Loopback
from ._npm import FILES, PAGE, Packages, packages

if TYPE_CHECKING:
    from ..bench.request import BenchRequest
    from ..bench.subject import Subject

_FILES = ("index.html", "bench.js", "contender.html", "contender.js")
_POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Browser:
    """A `Device`: `program` is the Chromium to start, None for the user's browser.

    `start_s` is the time that it has to open the page, `silence_s` the longest from one event to the next:
    large models take long to open.
    """

    name: str
    program: Path | None
    start_s: float = 60.0
    silence_s: float = 300.0

    def run(self, request: "BenchRequest") -> Iterator[Event]:
        """Measure, giving each event as it comes; afterwards the browser and its files are gone.

        Raises:
            UsageError: what is asked for cannot be measured in a browser.
            EdgewiseError: the engines cannot be fetched, or the browser fails.
            ParityError: it does not compute what the exporting machine did.
        """
        from ._web import subject

        subjects = [subject(contender) for contender in request.contenders]
        installed = packages()
        with (
            Loopback(_files(request, subjects, installed)) as server,
            self._started(server.address, request.cpus) as chromium,
        ):
            told = _Teller(request, subjects, installed, chromium)
            for event in self._posted(server, chromium):
                yield told.event(event)

    def _started(self, address: str, cpus: tuple[int, ...] | None) -> AbstractContextManager[Chromium | None]:
        if self.program is not None:
            return opened(self.program, address, cpus)
        if cpus is not None:
            raise UsageError("--cpus: the user's browser cannot be kept on some processors; leave it out")
        if not webbrowser.open_new_tab(address):
            raise EdgewiseError(
                "there is no browser to open; install Chromium (Debian: apt install chromium), "
                "which needs no screen"
            )
        return nullcontext()

    def _posted(self, server: Loopback, chromium: Chromium | None) -> Iterator[Event]:
        """The page's events until it is done."""
        allowed, last = self.start_s, time.monotonic()
        while True:
            event = server.next(_POLL_S)
            if event is not None:
                try:
                    yield event
                finally:
                    server.done()
                if event["event"] == "done":
                    return
                allowed, last = self.silence_s, time.monotonic()
            elif chromium is not None and chromium.ending is not None:
                raise EdgewiseError(
                    f"the browser came to its end before the measurement did ({chromium.ending}); "
                    f"try whether {self.program} runs, and whether there is memory left"
                )
            elif time.monotonic() - last > allowed:
                raise EdgewiseError(
                    f"the browser has said nothing for {allowed:g} s; keep its tab in front, "
                    "or try a smaller model"
                )


def open_device(name: str) -> Browser:
    """The browser that is called `name`; raises as `edgewise.runtime.devices.device` says."""
    _, _, choice = name.partition(":")
    if choice not in {"", "headless", "open"}:
        raise UsageError(f"--device {name}: know browser, browser:headless and browser:open")
    program = None if choice == "open" else find()
    if choice == "headless" and program is None:
        raise EdgewiseError(
            "found no Chromium, Chrome or Edge; install one (Debian: apt install chromium), "
            "or take your own browser with --device browser:open"
        )
    return Browser(name, program, start_s=60.0 if program else 300.0)


def _files(request: "BenchRequest", subjects: "list[Subject]", installed: Packages) -> dict[str, File]:
    """All that the page may load."""
    from ._web import plan

    files: dict[str, File] = {name: PAGE / name for name in _FILES}
    files |= {name: installed.folder / name for name in FILES}
    plans = []
    for place, subject in enumerate(subjects):
        told, own = plan(subject, place, request.threads)
        plans.append(told)
        files |= own
    return files | {"request.json": json.dumps(request.to_json() | {"plans": plans}).encode()}


class _Teller:
    """Makes events for readers of what the page posts, and what only this side knows."""

    def __init__(
        self,
        request: "BenchRequest",
        subjects: "list[Subject]",
        installed: Packages,
        chromium: Chromium | None,
    ) -> None:
        from ..bench.conditions import Watch

        self._request, self._subjects, self._installed = request, subjects, installed
        self._chromium = chromium
        self._watch, self._own = Watch(), self._cpu_seconds()

    def event(self, posted: Event) -> Event:
        """What becomes of an event of the page."""
        completed = {
            "machine": self._machine,
            "opened": self._opened,
            "output": self._output,
            "before": self._before,
            "after": self._after,
            "error": self._error,
        }.get(posted["event"])
        return completed(posted) if completed else posted

    def _machine(self, posted: Event) -> Event:
        """This machine, which the browser runs on."""
        from ..bench.conditions import machine

        if not posted["isolated"]:
            raise EdgewiseError(f"{posted['software']} does not isolate pages; use a newer browser")
        if self._request.threads > posted["processors"]:
            raise UsageError(
                f"--threads {self._request.threads}: the browser offers {posted['processors']} processors"
            )
        kind = "" if self._chromium is None else ", headless"
        return posted | asdict(replace(machine(), software=f"{posted['software']}{kind}"))

    def _opened(self, posted: Event) -> Event:
        from ._web import engine

        subject = self._subjects[posted["contender"]]
        computed = engine(subject, self._installed, posted["delegate"])
        return posted | {"model": asdict(subject.model), "engine": asdict(computed)}

    def _output(self, posted: Event) -> Event:
        output = np.array([posted["output"]], np.float32)  # JSON has null for NaN and infinity
        golden = self._subjects[posted["contender"]].judged(output)
        return {"event": "golden", "contender": posted["contender"]} | asdict(golden)

    def _before(self, posted: Event) -> Event:
        from ..bench.conditions import Watch, conditions

        told = posted | asdict(conditions())
        self._watch, self._own = Watch(), self._cpu_seconds()
        return told

    def _after(self, posted: Event) -> Event:
        from ..bench.conditions import conditions

        own, then = self._cpu_seconds(), self._own
        others = None if own is None or then is None else self._watch.others(own - then)
        return posted | {"others": others} | asdict(conditions())

    def _error(self, posted: Event) -> Event:
        raise EdgewiseError(f"the browser failed: {posted['message']}")

    def _cpu_seconds(self) -> float | None:
        """Processor time of the browser and of this process."""
        spent = None if self._chromium is None else self._chromium.cpu_seconds()
        return None if spent is None else spent + time.process_time()
