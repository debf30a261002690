"""An open page in a browser: what it posts, and what the browser must be able to do."""

import time
from dataclasses import dataclass
from pathlib import Path

from ...models.errors import EdgewiseError, UsageError
from . import Event
from ._chromium import Chromium
from ._loopback import Loopback

_POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Page:
    """A page of `server`, in a headless `chromium`, or in the user's browser with None."""

    server: Loopback
    chromium: Chromium | None
    program: Path | None

    def next(self, allowed_s: float) -> Event:
        """What the page posts next; call `done` when it has been processed.

        Raises:
            EdgewiseError: the browser ended, failed, or was silent for longer than allowed.
        """
        start = time.monotonic()
        while (event := self.server.next(_POLL_S)) is None:
            if self.chromium is not None and self.chromium.ending is not None:
                raise EdgewiseError(
                    f"the browser exited before it was done ({self.chromium.ending}); "
                    f"check that {self.program} runs and that there is enough memory"
                )
            if time.monotonic() - start > allowed_s:
                raise EdgewiseError(
                    f"the browser has not responded for {allowed_s:g} s; keep its tab in the foreground, "
                    "or try a smaller model"
                )
        if event.get("event") == "error":
            self.done()
            raise EdgewiseError(f"the browser failed: {event.get('message')}")
        return event

    def done(self) -> None:
        """Let the page go on."""
        self.server.done()

    def software(self, posted: Event, threads: int) -> str:
        """The browser's name, from the page's event 'machine'.

        Raises:
            EdgewiseError: the browser is too old.
            UsageError: it does not offer so many threads.
        """
        if not posted["isolated"]:
            raise EdgewiseError(f"{posted['software']} does not isolate pages; use a newer browser")
        if threads > posted["processors"]:
            raise UsageError(f"--threads {threads}: the browser offers {posted['processors']} processors")
        return f"{posted['software']}{'' if self.chromium is None else ', headless'}"
