"""Fill in the templates of this folder, and those of the targets."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...export.engines import importing
from ...models.errors import MissingDependencyError
from .headline import percent

_HERE = Path(__file__).parent
_RUNTIMES = _HERE.parents[1] / "runtime"  # each target has its part of run.py there


def require() -> None:
    """Raise a `MissingDependencyError` if the libraries that write reports are not installed."""
    for library in ("jinja2", "matplotlib"):
        if find_spec(library) is None:
            raise MissingDependencyError("Writing a report", "report", library)


def filled(template: str, **values: Any) -> str:
    """The template with these values; in HTML, each of them is escaped.

    Raises:
        MissingDependencyError: Jinja is not installed.
    """
    with importing("Writing a report", "report"):
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    templates = Environment(
        loader=FileSystemLoader([_HERE, _RUNTIMES]),
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["percent"] = percent
    return templates.get_template(template).render(style=style(), **values)


def style() -> str:
    """The style sheet of all pages."""
    return (_HERE / "style.css").read_text("utf-8")
