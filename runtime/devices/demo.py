"""A page on which the models of bundles classify pictures in a browser, with the engines of `browser.py`.

The page prepares pictures bit for bit as `Preprocess` does (`_page/pixels.js`), and shows the golden sample's
check, which is judged here.
"""

import errno
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...export.facts import TARGETS
from ...models.errors import EdgewiseError, ParityError, UsageError
from ..bench.record import GoldenRun
from ..bench.request import Contender
from ..bench.subject import Subject
from ..bundle import Bundle
from ..first_opening import require_sound
from . import Event
from ._loopback import File, Loopback
from ._npm import FILES, PAGE, packages
from ._web import plan, subject

_FILES = ("demo.js", "demo.css", "pixels.js", "contender.html", "contender.js")
_POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A model on the page, and its golden sample there: `golden` or `error` once it was judged.

    `prepared` is the largest difference between the page's input and the exporting machine's; 0 means that
    they are equal in every bit.
    """

    title: str
    prepared: float | None = None
    golden: GoldenRun | None = None
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the page prepares and computes what the exporting machine did."""
        return self.golden is not None and self.prepared == 0

    @property
    def told(self) -> str:
        """How the output differs, in words."""
        if self.golden is None:
            return self.error or "not computed yet"
        if (steps := self.golden.max_lsb) is not None:
            return f"within {steps:.3g} step{'s' * (steps != 1)}" if steps else "equal"
        return f"within {self.golden.max_rel:.1e} (relative)" if self.golden.max_rel else "equal"


@dataclass(slots=True)
class DemoPage:
    """A page that is being served at `address`, which is a secret."""

    subjects: list[Subject]
    server: Loopback
    files: dict[str, File]
    notices: list[str]
    models: list[ShownModel] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the page is."""
        return self.server.address

    def events(self) -> Iterator[Event | None]:
        """What the page says, without end; None where it said nothing for a while.

        Events are 'golden' with a `contender`, 'ready', and 'error' with a `message`.
        """
        while True:
            event = self.server.next(_POLL_S)
            if event is None:
                yield None
                continue
            try:
                if event.get("event") == "golden":
                    self._judge(event)
                yield event
            finally:
                self.server.done()

    def _judge(self, event: Event) -> None:
        """Judge a golden output, and let the page load what was found."""
        try:
            place, prepared = int(event["contender"]), float(event["prepared"])
            model, of = self.models[place], self.subjects[place]
            output = np.array([event["output"]], np.float32)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EdgewiseError(f"the page sent something else than a golden output ({error})") from error
        try:
            judged = ShownModel(model.title, prepared, of.judged(output))
        except ParityError as error:
            judged = ShownModel(model.title, prepared, None, str(error))
        self.models[place] = judged
        told = {"passed": judged.golden is not None, "told": judged.told}
        self.files[f"judged/{place}"] = json.dumps(told).encode()


@contextmanager
def served(bundles: Iterable[Path], style: bytes, *, threads: int = 1, port: int = 0) -> Iterator[DemoPage]:
    """Serve the page for bundles, each with its float model, on this machine's loopback alone.

    `style` is the style sheet of edgewise's pages; `port` is 0 for any.

    Raises:
        UsageError: a bundle does not exist, browsers have no engine for it, or the port is taken.
        EdgewiseError: a bundle is damaged, or the engines cannot be downloaded.
    """
    subjects: list[Subject] = []
    notices: list[str] = []
    for folder in bundles:
        contenders = [Contender(str(folder))]
        opened = subject(contenders[0], "classify with `edgewise predict`").bundle
        if opened.reference is not None:
            contenders.insert(0, Contender(str(folder), "reference"))
        notices += filter(None, [require_sound(opened)])
        subjects += [subject(contender) for contender in contenders]
    files = _files(subjects, style, threads)
    try:
        server = Loopback(files, port)
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        raise UsageError(
            f"--port {port}: {'is taken by another program' if taken else error}; choose another, or omit it"
        ) from error
    with server:
        models = [ShownModel(of.model.title) for of in subjects]
        yield DemoPage(subjects, server, files, notices, models)


def _files(subjects: list[Subject], style: bytes, threads: int) -> dict[str, File]:
    """All files that the page may load, by name."""
    installed = packages()
    files: dict[str, File] = {name: PAGE / name for name in _FILES}
    files |= {name: installed.folder / name for name in FILES}
    files |= {"index.html": PAGE / "demo.html", "style.css": style}
    plans = []
    for place, of in enumerate(subjects):
        told, own = plan(of, place, threads)
        image = f"golden/{place}.png"
        files |= own | {image: of.bundle.folder / "golden" / "image.png"}
        plans.append(told | {"image": image} | _preparation(of.bundle))
    title = " and ".join(dict.fromkeys(of.bundle.name for of in subjects))
    return files | {"demo.json": json.dumps({"title": f"{title} in the browser", "plans": plans}).encode()}


def _preparation(bundle: Bundle) -> dict[str, Any]:
    """What the page has to do with a picture, and what the classes are called."""
    return {
        "preprocess": asdict(bundle.spec.preprocess),
        "labels": bundle.spec.labels.names,
        "channels_first": TARGETS[bundle.target].channels_first,
    }
