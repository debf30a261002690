"""Let inference engines in without their telemetry, and their errors in one line.

A bare `import openvino` reports to Intel and `import onnxruntime` to Microsoft; so does nncf.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

from ..models.errors import MissingDependencyError

_SWITCH = "ORT_DISABLE_TELEMETRY"  # which ONNX Runtime reads when it is imported
_TELEMETRY = "openvino_telemetry"
_LONGEST = 300  # letters of an error
_PLACES = ("Exception from", "Check '", "FrontEnd API failed", "Summary:")


@contextmanager
def unreported() -> Iterator[None]:
    """Import engines, and libraries that do, inside.

    OpenVINO and nncf do without their telemetry package where it is absent, so for the time of the import it
    seems to be: None in `sys.modules` makes its import fail.
    """
    os.environ.setdefault(_SWITCH, "1")
    hidden = _TELEMETRY not in sys.modules
    if hidden:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[_TELEMETRY]


@contextmanager
def importing(task: str, extra: str) -> Iterator[None]:
    """The same; what is missing is a `MissingDependencyError` about `task` and the `extra` to install."""
    try:
        with unreported():
            yield
    except ImportError as error:
        library = (error.name or "an engine").partition(".")[0].replace("_", "-")
        raise MissingDependencyError(task, extra, library) from error


def reason(error: Exception) -> str:
    """What an engine says, in one line of bearable length (LiteRT names every tensor that it finds wrong).

    The places in its sources that OpenVINO begins with are left out.
    """
    lines = [line.strip(" -") for line in str(error).splitlines()]
    said = " ".join(line for line in lines if line and not line.startswith(_PLACES))
    return shorten(said.rstrip(".! "), _LONGEST, placeholder=" ...") or type(error).__name__
