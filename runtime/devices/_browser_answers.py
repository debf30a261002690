"""A bundle's model in a browser as a session: the page fetches batches of pictures, and posts logits.

A page cannot be called, so it calls: what it posts is answered as soon as the next batch is there.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np

from ...export.facts import TARGETS
from ...models.errors import EdgewiseError
from ...models.spec import Tensor32
from ..bench.request import Contender
from ..bundle import Bundle
from . import Event
from ._browser_page import Page
from ._loopback import File
from ._npm import PAGE, packages
from ._web import engine, plan, subject
from .browser import Browser

_OVER = b""
_FAREWELL_S = 5.0


class PageAnswers:
    """An open page as a session; `board` is the browser with its engine."""

    def __init__(self, page: Page, files: dict[str, File], board: str, *, channels_first: bool) -> None:
        self._page, self._files, self.board = page, files, board
        self._channels_first = channels_first
        self._number, self._silence_s = 0, 0.0
        self._waits = False  # the page, for the next batch

    def ready(self, silence_s: float) -> None:
        """Wait until the model is open."""
        self._silence_s = silence_s
        self._expect("ready")

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The logits that the page's engine gives; see `Session`."""
        pictures = batch.transpose(0, 3, 1, 2) if self._channels_first else batch
        name = f"batch/{self._number}"
        self._files[name] = np.ascontiguousarray(pictures, "<f4").tobytes()
        self._go_on()
        answer = self._expect("answers")
        del self._files[name]
        self._number += 1
        return _logits(answer, len(batch))

    def close(self) -> None:
        """Tell the page that there are no more pictures."""
        if not self._waits:
            return
        self._files[f"batch/{self._number}"] = _OVER
        self._go_on()
        with suppress(EdgewiseError):
            self._page.next(_FAREWELL_S)
            self._page.done()

    def _go_on(self) -> None:
        self._waits = False
        self._page.done()

    def _expect(self, kind: str) -> Event:
        event = self._page.next(self._silence_s)
        if event.get("event") != kind:
            self._page.done()
            raise EdgewiseError(f"the page sent {event.get('event')!r} instead of {kind!r}; try again")
        self._waits = True
        return event


def _logits(event: Event, count: int) -> Tensor32:
    """What a page sends may be anything; JSON uses null for NaN and infinity."""
    try:
        found = np.array(event["logits"], np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise EdgewiseError(
            f"the page sent answers that cannot be read ({type(error).__name__}); try again"
        ) from error
    if found.ndim != 2 or len(found) != count:
        raise EdgewiseError(f"the page sent answers of shape {found.shape} for {count} pictures; try again")
    return found


@contextmanager
def answers(browser: Browser, bundle: Bundle, threads: int) -> Iterator[PageAnswers]:
    """The page with the bundle's model, while the block lasts; raises the errors of `Browser.run`."""
    of = subject(Contender(str(bundle.folder)), "verify {target} without --device browser")
    installed = packages()
    told, own = plan(of, 0, threads)
    size = int(np.prod(told["shape"]))
    files = own | {"main.js": PAGE / "answers.js", "answers.json": json.dumps(told | {"size": size}).encode()}
    with browser.page(files, installed) as page:
        machine = page.next(browser.start_s)
        try:
            software = page.software(machine, threads)
        finally:
            page.done()
        runs = engine(of, installed, None)
        first = TARGETS[bundle.target].channels_first
        session = PageAnswers(page, files, f"{software}, {runs.name} {runs.version}", channels_first=first)
        session.ready(browser.silence_s)
        try:
            yield session
        finally:
            session.close()
