"""Let OpenVINO in without its telemetry, and its errors in one line.

A bare `import openvino` reports to Intel, and so does nncf.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..models.errors import MissingDependencyError

_TELEMETRY = "openvino_telemetry"
_PLACES = ("Exception from", "Check '", "FrontEnd API failed", "Summary:")


@contextmanager
def importing(task: str, extra: str) -> Iterator[None]:
    """Import openvino or nncf inside; `task` and `extra` are for the error where it is not installed.

    Both libraries do without the telemetry package where it is absent, so for the time of the import it
    seems to be: None in `sys.modules` makes its import fail.
    """
    hidden = _TELEMETRY not in sys.modules
    if hidden:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(task, extra, (error.name or "openvino").partition(".")[0]) from error
    finally:
        if hidden:
            del sys.modules[_TELEMETRY]


def reason(error: Exception) -> str:
    """What OpenVINO says, in one line and without the places in its own sources that it begins with."""
    lines = [line.strip(" -") for line in str(error).splitlines()]
    said = " ".join(line for line in lines if line and not line.startswith(_PLACES))
    return said.rstrip(".! ") or type(error).__name__
