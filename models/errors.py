"""What can go wrong, as one tree. A message says what was wrong, what was found and how to fix it.

EdgewiseError                 exit 1   anything a user can fix
├── UsageError                exit 2   an invalid option, name or value
├── AccuracyError             exit 3   the quantized model lost too much
├── ParityError               exit 4   a converted model differs from its original
├── LatencyError              exit 5   a model is slower than allowed
├── MissingDependencyError    exit 6   a required extra is not installed
└── PrecisionError            exit 7   a model passed in another precision than the one asked for
"""

from typing import Any, ClassVar


class EdgewiseError(Exception):
    """An error that its message explains; the command line prints it and exits with `exit_code`."""

    exit_code: ClassVar[int] = 1
    exit_name: ClassVar[str] = "error"

    def details(self) -> dict[str, Any]:
        """What the message leaves out, as plain data."""
        return {}


class UsageError(EdgewiseError):
    """An invalid option, name or value."""

    exit_code, exit_name = 2, "usage"


class AccuracyError(EdgewiseError):
    """The accuracy gate failed: the quantized model lost more accuracy than allowed."""

    exit_code, exit_name = 3, "accuracy_gate"


class ParityError(EdgewiseError):
    """The parity gate failed: a converted model does not match the outputs of its original."""

    exit_code, exit_name = 4, "parity_gate"


class LatencyError(EdgewiseError):
    """The latency gate: a model is slower than allowed."""

    exit_code, exit_name = 5, "latency_gate"


class MissingDependencyError(EdgewiseError):
    """A library that a task needs is not installed."""

    exit_code, exit_name = 6, "missing_dependency"

    def __init__(self, task: str, extra: str, library: str) -> None:
        from .requirements import install_command

        library = library.partition(".")[0]
        command = install_command(extra, library)
        super().__init__(f"{task} needs {library}, which is not installed. Run: {command}")


class PrecisionError(EdgewiseError):
    """A model passed its gate and was written, but in another precision than the one asked for."""

    exit_code, exit_name = 7, "other_precision"
