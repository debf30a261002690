"""Files that could not be made or failed a gate, while the other files of the same conversion go on."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..export.precision import Precision
from ..models.errors import EdgewiseError, UsageError
from .progress import Journal

# Exit codes, the most severe first, which is what fails earliest: a file cannot be made (a fault, a missing
# library), computes something else, loses accuracy, or is only slow.
_SEVERITY = (1, 6, 4, 3, 5)


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """A file that was asked for and is not written, and the error that says why."""

    target: str
    requested: Precision
    error: EdgewiseError

    @property
    def title(self) -> str:
        """What messages call it: 'tflite w8a8'."""
        return f"{self.target} {self.requested}"

    @property
    def message(self) -> str:
        """The error's message, which names the file."""
        said = str(self.error)
        return said if said.startswith(f"{self.target} ") else f"{self.title}: {said}"

    def to_json(self) -> dict[str, Any]:
        """Plain data for a document."""
        return {
            "target": self.target,
            "requested": str(self.requested),
            "message": self.message,
            "exit_code": self.error.exit_code,
            "exit_name": self.error.exit_name,
            "details": self.error.details(),
        }


class Failures:
    """Keeps what goes wrong with single files; with `at_once`, the first error ends the conversion."""

    def __init__(self, journal: Journal, *, at_once: bool) -> None:
        self._journal, self._at_once = journal, at_once
        self.found: list[Failure] = []

    @contextmanager
    def apart(self, target: str, precisions: Iterable[Precision], *, stages: int) -> Iterator[None]:
        """Keep an error of the block as the failure of these files, which had so many `stages` left.

        Errors of usage end the conversion: they are mistakes in what was asked for, not in one file.
        """
        begun = self._journal.begun
        try:
            yield
        except UsageError:
            raise
        except EdgewiseError as error:
            if self._at_once:
                raise
            self._journal.expect(self._journal.begun - begun - stages)
            kept = _without_frames(error)
            self.found += [Failure(target, precision, kept) for precision in precisions]


def most_severe(failures: Sequence[Failure], written: Sequence[str]) -> EdgewiseError:
    """The most severe error, whose message names the other failures and the files that were `written`."""
    worst, *others = sorted(failures, key=lambda failure: _SEVERITY.index(failure.error.exit_code))
    sentences = [worst.message]
    if others:
        named = (f"{other.title} ({other.error.exit_name.replace('_', ' ')})" for other in others)
        sentences.append(f"Also failed: {', '.join(named)}")
    if written:
        sentences.append(f"Written: {', '.join(written)}")
    error = copy.copy(worst.error)
    error.args = (". ".join(sentences),)
    return error


def _without_frames(error: EdgewiseError) -> EdgewiseError:
    """The error as plain data: frames would keep models and engines in memory with the result."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
