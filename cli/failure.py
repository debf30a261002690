"""How a command says that it failed: one line on stderr and, with --json, one document on stdout."""

from typing import Any

from ..models.errors import EdgewiseError


def document(error: EdgewiseError) -> dict[str, Any]:
    """The document `error`: the message, the exit code with its name, and the details of the error."""
    content = {
        "message": str(error),
        "exit_code": error.exit_code,
        "exit_name": error.exit_name,
        "details": {**error.details(), **_failures(error)},
    }
    return {"schema": "edgewise.error", "schema_version": 1, "error": content}


def _failures(error: EdgewiseError) -> dict[str, Any]:
    """Every file that failed, where several were asked for."""
    made = error.conversion
    return {"failures": [failure.to_json() for failure in made.failures]} if made else {}


def written(error: EdgewiseError) -> None:
    """Note that the document of this error is on stdout already."""
    error.add_note(_WRITTEN)


def is_written(error: BaseException) -> bool:
    """Whether `written` was called for it."""
    return _WRITTEN in getattr(error, "__notes__", ())


_WRITTEN = "its document is on stdout"
