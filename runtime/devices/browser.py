"""A browser: the same model files in LiteRT.js and ONNX Runtime Web, with WebAssembly.

    browser             an installed Chromium, headless; if there is none, the user's browser
    browser:headless    an installed Chromium, headless, or an error
    browser:open        the user's browser, in a new tab

`_page/` measures and posts its events to `_loopback.py`.

There are no `end_to_end` times: browsers decode pictures but resize them differently from `Preprocess`, which
must be the only preprocessing. Pages cannot read peak memory.
"""

import json
import time
import webbrowser
from collections import ChainMap
from collections.abc import Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...models.errors import EdgewiseError, UsageError
from . import AnsweringSession, Event
from ._browser_page import Page
from ._chromium import Chromium, find, opened
from ._loopback import File, Loopback
from ._npm import FILES, PAGE, Packages, packages

if TYPE_CHECKING:
    from ..bench.request import BenchRequest
    from ..bench.subject import Subject
    from ..bundle import Bundle

_FILES = ("index.html", "page.js", "contender.html", "contender.js")


@dataclass(frozen=True, slots=True)
class Browser:
    """A `Device`: `program` is the Chromium to start, None for the user's browser.

    `start_s` is the time limit for opening the page, `silence_s` the limit between two events, because large
    models take long to open.
    """

    name: str
    program: Path | None
    start_s: float = 60.0
    silence_s: float = 300.0

    def run(self, request: "BenchRequest") -> Iterator[Event]:
        """Measure and yield each event as it arrives; afterwards the browser and its files are removed.

        Raises:
            UsageError: the request cannot be measured in a browser.
            EdgewiseError: the engines cannot be downloaded, or the browser fails.
            ParityError: the result differs from the exporting machine's.
        """
        from ._web import subject

        request.require_no_sustained(self.name)
        subjects = [subject(contender) for contender in request.contenders]
        installed = packages()
        with self.page(_files(request, subjects), installed, request.cpus) as page:
            told = _Teller(request, subjects, installed, page)
            allowed = self.start_s
            while True:
                event = page.next(allowed)
                try:
                    yield told.event(event)
                finally:
                    page.done()
                if event["event"] == "done":
                    return
                allowed = self.silence_s

    def answers(self, bundle: "Bundle", threads: int) -> AbstractContextManager[AnsweringSession]:
        """The bundle's model in this browser; see `AnsweringDevice.answers`."""
        from ._browser_answers import answers

        return answers(self, bundle, threads)

    @contextmanager
    def page(
        self, own: MutableMapping[str, File], installed: Packages, cpus: tuple[int, ...] | None = None
    ) -> Iterator[Page]:
        """An open page that may load the engines and `own`, of which 'main.js' is its program."""
        shared: dict[str, File] = {name: PAGE / name for name in _FILES}
        files = ChainMap(own, shared | {name: installed.folder / name for name in FILES})
        with Loopback(files) as server, self._started(server.address, cpus) as chromium:
            yield Page(server, chromium, self.program)

    def _started(self, address: str, cpus: tuple[int, ...] | None) -> AbstractContextManager[Chromium | None]:
        if self.program is not None:
            return opened(self.program, address, cpus)
        if cpus is not None:
            raise UsageError("--cpus: the user's browser cannot be pinned to processors; leave it out")
        if not webbrowser.open_new_tab(address):
            raise EdgewiseError(
                "there is no browser to open; install Chromium (Debian: apt install chromium), "
                "which does not need a display"
            )
        return nullcontext()


def open_device(name: str) -> Browser:
    """The browser named `name`; raises the errors of `edgewise.runtime.devices.device`."""
    _, _, choice = name.partition(":")
    if choice not in {"", "headless", "open"}:
        raise UsageError(f"--device {name}: unknown; use browser, browser:headless or browser:open")
    program = None if choice == "open" else find()
    if choice == "headless" and program is None:
        raise EdgewiseError(
            "found no Chromium, Chrome or Edge; install one (Debian: apt install chromium), "
            "or use your own browser with --device browser:open"
        )
    return Browser(name, program, start_s=60.0 if program else 300.0)


def _files(request: "BenchRequest", subjects: "list[Subject]") -> dict[str, File]:
    """The files of the page that measures."""
    from ._web import plan

    files: dict[str, File] = {"main.js": PAGE / "bench.js"}
    plans = []
    for place, subject in enumerate(subjects):
        told, own = plan(subject, place, request.threads)
        plans.append(told)
        files |= own
    return files | {"request.json": json.dumps(request.to_json() | {"plans": plans}).encode()}


class _Teller:
    """Turns what the page posts into events, and adds what only this side knows."""

    def __init__(
        self,
        request: "BenchRequest",
        subjects: "list[Subject]",
        installed: Packages,
        page: Page,
    ) -> None:
        from ..bench.conditions import Watch

        self._request, self._subjects, self._installed = request, subjects, installed
        self._page = page
        self._watch, self._own = Watch(), self._cpu_seconds()

    def event(self, posted: Event) -> Event:
        """Convert an event of the page."""
        completed = {
            "machine": self._machine,
            "opened": self._opened,
            "output": self._output,
            "before": self._before,
            "after": self._after,
        }.get(posted["event"])
        return completed(posted) if completed else posted

    def _machine(self, posted: Event) -> Event:
        """The machine that the browser runs on."""
        from ..bench.conditions import machine

        software = self._page.software(posted, self._request.threads)
        return posted | asdict(replace(machine(), software=software))

    def _opened(self, posted: Event) -> Event:
        from ._web import engine

        subject = self._subjects[posted["contender"]]
        computed = engine(subject, self._installed, posted["delegate"])
        return posted | {"model": asdict(subject.model), "engine": asdict(computed)}

    def _output(self, posted: Event) -> Event:
        output = np.array([posted["output"]], np.float32)  # JSON uses null for NaN and infinity
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

    def _cpu_seconds(self) -> float | None:
        """Processor time of the browser and of this process."""
        chromium = self._page.chromium
        spent = None if chromium is None else chromium.cpu_seconds()
        return None if spent is None else spent + time.process_time()
