"""What can go wrong, as one tree. A message says what was wrong, what was found and how to fix it.

EdgewiseError                 exit 1   anything a user can fix
├── UsageError                exit 2   an invalid option, name or value
├── AccuracyError             exit 3   the quantized model lost too much
├── ParityError               exit 4   a converted model differs from its original
├── LatencyError              exit 5   a model is slower than allowed
├── MissingDependencyError    exit 6   a required library is not installed
├── PrecisionError            exit 7   a model passed in another precision than the one asked for
└── RegressionError           exit 8   a model is worse than an older one
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar


class EdgewiseError(Exception):
    """An error that its message explains; the command line prints it and exits with `exit_code`."""

    exit_code: ClassVar[int] = 1
    exit_name: ClassVar[str] = "error"
    conversion: Any = None  # what `edgewise.convert` wrote all the same, and every failure: a `Conversion`
    report: Path | None = None  # the page about a model that was not written

    def details(self) -> dict[str, Any]:
        """What the message leaves out, as plain data."""
        return {} if self.report is None else {"report": str(self.report)}

    def __reduce__(self) -> tuple[Any, ...]:
        # Bypasses __init__, which takes other arguments than the message in some classes.
        return _restored, (type(self), self.args, self.__dict__)


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
        self.task, self.extra, self.library = task, extra, library

    def details(self) -> dict[str, Any]:
        """The missing library, and the extra that it belongs to."""
        fields = vars(self)  # empty if only the message came from a child process
        return {name: fields[name] for name in ("extra", "library") if name in fields}


class PrecisionError(EdgewiseError):
    """A model passed its gate and was written, but in another precision than the one asked for."""

    exit_code, exit_name = 7, "other_precision"


class RegressionError(EdgewiseError):
    """A model is worse than its baseline, an older model, by more than is allowed."""

    exit_code, exit_name = 8, "regression"


def unknown(kind: str, asked: str, known: Iterable[str], meant: str | None = None) -> UsageError:
    """The error about an unknown name: it suggests the one that was probably meant, and lists all."""
    names = list(known)
    near = meant or next(iter(get_close_matches(asked, names, 1)), None)
    hint = f"did you mean {near}? Choose" if near else "choose"
    return UsageError(f"unknown {kind} {asked!r}: {hint} from {', '.join(names[:-1])} or {names[-1]}")


def _restored(kind: type[EdgewiseError], args: tuple[Any, ...], fields: dict[str, Any]) -> EdgewiseError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error
