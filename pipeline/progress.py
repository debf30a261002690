"""How a job reports what it is doing.

A job takes an object that satisfies `Progress` and stays silent without one. The command line shows stages on
a terminal, a notebook passes `edgewise.progress()`, and a test can pass a list-keeping class of its own.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Counter(Protocol):
    """Receives how much of a stage is done."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` pictures, models or runs are finished."""


class Progress(Protocol):
    """Receives the stages and notices of a job."""

    def stage(self, title: str, number: int, of: int) -> AbstractContextManager[Counter]:
        """Enter a stage of the job; it ends when the context exits.

        `number` counts from 1; `of` is the number of stages that are planned. Both are 0 for a stage that was
        not planned, such as an attempt of the recovery.
        """

    def notice(self, line: str) -> None:
        """A sentence that the user must not miss."""


class Silent:
    """The default: shows nothing."""

    @contextmanager
    def stage(self, title: str, number: int, of: int) -> Iterator[Counter]:
        """Show nothing."""
        del title, number, of
        yield silent

    def notice(self, line: str) -> None:
        """Drop the line; the job's result keeps it."""


class Journal:
    """What a job reports to: numbers its stages, keeps times and notices, and passes both on.

    `planned` is the number of stages that the job expects to run.
    """

    def __init__(self, progress: Progress | None = None, planned: int = 0) -> None:
        self._progress: Progress = Silent() if progress is None else progress
        self._planned, self._begun = planned, 0
        self.seconds: dict[str, float] = {}
        self.notices: list[str] = []

    @property
    def begun(self) -> int:
        """How many of the planned stages have begun."""
        return self._begun

    def expect(self, more: int) -> None:
        """Change the number of planned stages by `more`, which may be negative."""
        self._planned += more

    @contextmanager
    def unplanned(self) -> Iterator[None]:
        """Stages inside the block were not planned, and are not numbered."""
        planned, self._planned = self._planned, 0
        try:
            yield
        finally:
            self._planned = planned

    @contextmanager
    def stage(self, title: str) -> Iterator[Counter]:
        """Run the block as a stage; `seconds` adds up the wall time of stages of the same title."""
        number = of = 0
        if self._begun < self._planned:
            self._begun += 1
            number, of = self._begun, self._planned
        start = time.perf_counter()
        with self._progress.stage(title, number, of) as counter:
            yield counter
        self.seconds[title] = self.seconds.get(title, 0.0) + time.perf_counter() - start

    def notice(self, line: str) -> None:
        """Report a sentence that the user must not miss, once."""
        if line not in self.notices:
            self.notices.append(line)
            self._progress.notice(line)


def silent(done: int, total: int) -> None:
    """A `Counter` that shows nothing."""
    del done, total
