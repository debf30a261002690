"""Let OpenVINO in without its telemetry: a bare `import openvino` reports to Intel, and so does nncf."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..models.errors import MissingDependencyError

_TELEMETRY = "openvino_telemetry"


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
