"""Import inference engines without their telemetry, and shorten their errors to one line.

A plain `import openvino` or `import nncf` reports to Intel, and `import onnxruntime` to Microsoft.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

from ..models.errors import MissingDependencyError

_SWITCH = "ORT_DISABLE_TELEMETRY"  # ONNX Runtime reads it on import
_TELEMETRY = "openvino_telemetry"
_LONGEST = 300  # characters of an error message
_PLACES = ("Exception from", "Check '", "FrontEnd API failed", "Summary:")


@contextmanager
def unreported() -> Iterator[None]:
    """Disable telemetry for engines, and libraries that use them, imported inside the block.

    OpenVINO and nncf work without their telemetry package, so it is hidden during the import: None in
    `sys.modules` makes its import fail.
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
    """Like `unreported`, but a failed import raises `MissingDependencyError` for `task` and `extra`."""
    try:
        with unreported():
            yield
    except ImportError as error:
        library = (error.name or "an engine").partition(".")[0].replace("_", "-")
        raise MissingDependencyError(task, extra, library) from error


def reason(error: Exception) -> str:
    """An engine's error message as one line of at most 300 characters (LiteRT lists every wrong tensor).

    The source locations at the start of OpenVINO's messages are left out.
    """
    lines = [line.strip(" -") for line in str(error).splitlines()]
    said = " ".join(line for line in lines if line and not line.startswith(_PLACES))
    return shorten(said.rstrip(".! "), _LONGEST, placeholder=" ...") or type(error).__name__
