"""Run code that may crash in a child process: parsing a hostile file, importing an incompatible library.

The child is a module of edgewise run as a program; its answer is one JSON document.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from ..models.printable import printable

TIMEOUT_S = 120.0


class ChildDiedError(Exception):
    """The child gave no answer; the message says how it ended, such as 'SIGSEGV'."""


def ask(module: str, *arguments: str, timeout_s: float = TIMEOUT_S) -> Any:
    """Run `module` with `arguments` and return its answer; NaN and infinity, which JSON lacks, become None.

    Raises:
        ChildDiedError: it crashed or did not finish in time.
    """
    # -P: otherwise a file in the current folder with the name of a library would be imported instead.
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=timeout_s)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ChildDiedError(f"no answer after {timeout_s:g} s") from error
    if done.returncode:
        raise ChildDiedError(ending(done.returncode))
    return json.loads(done.stdout, parse_constant=lambda _: None)


@contextmanager
def answering() -> Iterator[IO[str]]:
    """In the child: yield the stream for the answer; what libraries print on stdout goes to stderr."""
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        yield answer


def in_words(error: Exception) -> str:
    """An exception as one line."""
    return printable(f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}")


def ending(returncode: int) -> str:
    """How a process ended: 'SIGSEGV', 'status 1'."""
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"status {returncode}"
