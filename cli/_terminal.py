"""What a person sees: stages, notices and tables on stderr. Standard output is for results alone."""

import ctypes
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from ..models.errors import EdgewiseError

_LOG_TAIL = 20


class Stage:
    """A piece of work on the screen; call it with (done, total) where it can be counted."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(escape(title), total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        self._progress.update(self._task, completed=done, total=total)


class Terminal:
    """Prints to the real stderr, whatever libraries do to it; remembers how long each stage took in all."""

    def __init__(self, stream: IO[str], *, quiet: bool) -> None:
        # In a pipe or a file a line stays whole, so that it can be searched for.
        self.console = Console(file=stream, quiet=quiet, highlight=False, soft_wrap=not stream.isatty())
        self._shared = stream is sys.stderr
        self.seconds: dict[str, float] = {}
        self.notices: list[str] = []

    @contextmanager
    def stage(self, title: str, number: int = 0, of: int = 0) -> Iterator[Stage]:
        """Show `title` with a spinner or a bar while the block runs, and a tick with its seconds after."""
        title = f"[{number}/{of}] {title}" if number else title
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn())
        # Left alone, rich would show what libraries print through sys.stdout and sys.stderr.
        progress = Progress(
            *columns,
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            redirect_stdout=self._shared,
            redirect_stderr=self._shared,
        )
        start = time.perf_counter()
        with progress if self.console.is_terminal else _nothing():
            yield Stage(progress, title)
        spent = time.perf_counter() - start
        self.seconds[title] = self.seconds.get(title, 0.0) + spent
        self.console.print(f"[green]✓[/] {escape(title)} [dim]{spent:.1f} s[/]")

    def notice(self, line: str) -> None:
        """Say something that the user must not miss, once."""
        if line in self.notices:
            return
        self.notices.append(line)
        self.console.print(f"[bold yellow]! {escape(line)}[/]")


def table(*headings: str, left: int = 1) -> Table:
    """A table without lines; all columns but the first `left` hold numbers. Cells are not broken."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        made.add_column(heading, justify="left" if place < left else "right", no_wrap=True)
    return made


@contextmanager
def terminal(*, verbose: bool = False, quiet: bool = False) -> Iterator[Terminal]:
    """Open the terminal. What libraries print, C++ included, goes to a hidden log, or to stderr if `verbose`.

    The end of the log is shown when something unforeseen happens.
    """
    _flush()
    if verbose:
        with _descriptors_to(sys.stderr):
            yield Terminal(sys.stderr, quiet=quiet)
        return
    with tempfile.TemporaryFile("w+", errors="replace") as log, _descriptors_to(log) as stderr:
        try:
            yield Terminal(stderr, quiet=quiet)
        except (EdgewiseError, KeyboardInterrupt):
            raise
        except Exception:
            _flush()
            log.seek(0)
            stderr.writelines(
                ["The libraries' last words (all of them with -v):\n", *log.readlines()[-_LOG_TAIL:]]
            )
            raise


@contextmanager
def _descriptors_to(log: IO[str]) -> Iterator[IO[str]]:
    """Send file descriptors 1 and 2 to `log`; yield the real stderr."""
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
        with os.fdopen(os.dup(saved[1]), "w", encoding=sys.stderr.encoding, errors="replace") as stderr:
            yield stderr
    finally:
        _flush()
        for descriptor, original in zip((1, 2), saved, strict=True):
            os.dup2(original, descriptor)
            os.close(original)


def _flush() -> None:
    """Empty the buffers of Python and of C, so that all that was printed lands where it belongs."""
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).fflush(None)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
