"""Where a command writes: results on stdout, stages and notices on stderr, libraries into a hidden log."""

import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, TextIO

from rich.console import Console
from rich.table import Table

from ..models.errors import EdgewiseError
from ..models.printable import printable_lines
from ..models.scratch import unwritable, wanting_room
from .failure import document as failure
from .failure import written
from .progress import SafeConsole, Shown

_LOG_TAIL = 20
_WIDEST = 1000  # characters per line: a terminal wraps lines, a pipe or a file should not


class Terminal(Shown):
    """Prints to the real stdout and stderr, whatever libraries do to them.

    `results` takes what a person reads of a result; with `as_json` it stays silent, and the one document that
    `finish` was given is printed instead. `quiet` silences stages and notices.
    """

    def __init__(
        self, stdout: IO[str], stderr: IO[str], *, quiet: bool = False, as_json: bool = False
    ) -> None:
        super().__init__(_console(stderr, quiet=quiet))
        self.results = _console(stdout, quiet=as_json)
        self._stdout, self.as_json = stdout, as_json
        self.notices: list[str] = []
        self._document: dict[str, Any] | None = None

    def notice(self, line: str) -> None:
        """Say something that the user must not miss, once."""
        if line not in self.notices:
            self.notices.append(line)
            super().notice(line)

    def finish(self, document: dict[str, Any], require: Callable[[], None] | None = None) -> None:
        """Take the result's document; then `require` may raise what the result fails."""
        self._document = document
        if require is not None:
            require()

    def close(self, error: EdgewiseError | None = None) -> None:
        """Print the document where JSON is wanted, with the error that ended the command."""
        if self.as_json and (self._document is not None or error is not None):
            content = self._document or {}
            if error is not None:
                content = {**failure(error), **content, "error": failure(error)["error"]}
                written(error)
            self._stdout.write(json.dumps(content, indent=2) + "\n")
            self._stdout.flush()


def table(*headings: str, left: int = 1) -> Table:
    """A table without lines; all columns but the first `left` hold numbers. Cells are not broken."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        made.add_column(heading, justify="left" if place < left else "right", no_wrap=True)
    return made


@contextmanager
def terminal(*, verbose: bool = False, quiet: bool = False, as_json: bool = False) -> Iterator[Terminal]:
    """Open the terminal. What libraries print, C++ included, goes to a hidden log, or to stderr if `verbose`.

    The end of the log is shown when something unforeseen happens.
    """
    _flush()
    with _log(verbose=verbose) as noise, _descriptors_to(noise) as (stdout, stderr):
        screen = Terminal(stdout, stderr, quiet=quiet, as_json=as_json)
        try:
            with wanting_room():
                yield screen
        except EdgewiseError as error:
            screen.close(error)
            raise
        except Exception as error:
            if not (verbose or isinstance(error, OSError)):
                _flush()
                noise.seek(0)
                stderr.writelines(
                    [
                        "The last lines that libraries printed (-v shows all):\n",
                        *map(printable_lines, noise.readlines()[-_LOG_TAIL:]),
                    ]
                )
            raise
        screen.close()


@contextmanager
def _log(*, verbose: bool) -> Iterator[IO[str]]:
    if verbose:
        yield sys.stderr
    elif sys.platform == "linux":  # in memory: what libraries say must not fail on a full disk
        with os.fdopen(os.memfd_create("edgewise-log"), "w+", errors="replace") as file:
            yield file
    else:
        try:
            file = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed below
        except OSError as error:
            raise unwritable(error) from error
        with file:
            yield file


def _console(stream: IO[str], *, quiet: bool) -> Console:
    # In a pipe or a file a line stays whole, so that it can be searched for.
    piped = not stream.isatty()
    return SafeConsole(file=stream, quiet=quiet, soft_wrap=piped, width=_WIDEST if piped else None)


@contextmanager
def _descriptors_to(log: IO[str]) -> Iterator[tuple[IO[str], IO[str]]]:
    """Send file descriptors 1 and 2 to `log`; yield the real stdout and stderr."""
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
        stdout, stderr = _opened(saved[0], sys.stdout), _opened(saved[1], sys.stderr)
        try:
            yield stdout, stderr
        finally:
            for stream in (stdout, stderr):
                with suppress(OSError):  # of writing, which was raised before where it matters
                    stream.close()
    finally:
        _flush()
        for descriptor, original in zip((1, 2), saved, strict=True):
            os.dup2(original, descriptor)
            os.close(original)


def _opened(descriptor: int, like: TextIO) -> IO[str]:
    return os.fdopen(os.dup(descriptor), "w", encoding=like.encoding, errors="replace")


def _flush() -> None:
    """Empty the buffers of Python and of C, so that all that was printed lands where it belongs."""
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).fflush(None)
