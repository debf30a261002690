"""Standard input, output and error in any state: closed, full, or a pipe that nobody reads."""

import errno
import os
import sys
from contextlib import suppress

import click

_MODES = ("r", "w", "w")
# A full disk, a closed pipe, a closed descriptor, a device that fails: writing cannot go on.
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EPIPE, errno.EBADF, errno.EIO)


def complete() -> None:
    """Open what the caller has closed to nowhere: otherwise the next file would take its descriptor.

    Python has None in place of a closed stream.
    """
    for descriptor, (name, mode) in enumerate(zip(("stdin", "stdout", "stderr"), _MODES, strict=True)):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))


def is_of_output(error: OSError) -> bool:
    """Whether it comes from writing to a stream: errors of files name them."""
    return error.errno in _UNWRITABLE and error.filename is None


def say(line: str, *, to_error: bool = True, newline: bool = True) -> None:
    """Print a line; where that is impossible, there is nobody to tell."""
    with suppress(OSError):
        click.echo(line, err=to_error, nl=newline)


def abandon_output() -> None:
    """Throw away what could not be written to standard output, so that Python does not try again at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
