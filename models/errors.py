"""What can go wrong, as one tree. The message says what was wrong, what was found and what to do.

EdgewiseError                 exit 1   anything a user can mend
├── UsageError                exit 2   an option or a value that cannot be
├── AccuracyError             exit 3   the quantized model lost too much
├── ParityError               exit 4   a converted model differs from its original
├── LatencyError              exit 5   a model is slower than was allowed
└── MissingDependencyError    exit 6   an extra that is not installed
"""

from typing import ClassVar


class EdgewiseError(Exception):
    """An error with a mend; the command line prints its message alone and leaves with `exit_code`."""

    exit_code: ClassVar[int] = 1


class UsageError(EdgewiseError):
    """An option, a name or a value that cannot be used."""

    exit_code = 2


class AccuracyError(EdgewiseError):
    """The accuracy gate: the quantized model lost more than was allowed."""

    exit_code = 3


class ParityError(EdgewiseError):
    """The parity gate: a converted model does not compute what its original computes."""

    exit_code = 4


class LatencyError(EdgewiseError):
    """The latency gate: a model is slower than was allowed."""

    exit_code = 5


class MissingDependencyError(EdgewiseError):
    """A library that this task needs is not installed."""

    exit_code = 6

    def __init__(self, task: str, extra: str, library: str) -> None:
        super().__init__(
            f"{task} needs {library}, which is not installed. Run: pip install 'edgewise[{extra}]'"
        )
