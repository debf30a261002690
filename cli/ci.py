"""The options with which a command writes files for CI, whether it succeeds or fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .groups import in_group

if TYPE_CHECKING:
    from ..pipeline.conversion import Conversion
    from ..pipeline.gate import Gated
    from ..pipeline.verify import VerifiedBundle

_ci = in_group("CI")
_PATH = click.Path(path_type=Path, dir_okay=False)
_JUNIT = _ci("--junit", type=_PATH, metavar="FILE", help="Write the checks in JUnit's XML to this file.")
_SUMMARY = _ci("--summary", type=_PATH, metavar="FILE", help="Write a summary in Markdown to this file.")


def for_ci(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--junit` and `--summary`, which `telling` takes."""
    decorated: Callable[..., Any] = _JUNIT(_SUMMARY(command))
    return decorated


@contextmanager
def telling(
    title: str, model: str, junit: Path | None, summary: Path | None
) -> Iterator[Callable[["Conversion | VerifiedBundle | Gated"], None]]:
    """Yield a function that takes a result and writes the files; an error in the block is written instead."""
    from ..models.errors import EdgewiseError
    from ..models.files import write_file
    from ..pipeline import ci

    def write(found: list[ci.Case]) -> None:
        if junit:
            write_file(junit, ci.junit(title, found))
        if summary:
            write_file(summary, ci.summary(title, found).encode("utf-8", "replace"))

    told = False

    def tell(result: "Conversion | VerifiedBundle | Gated") -> None:
        nonlocal told
        write(ci.cases(result))
        told = True

    try:
        yield tell
    except EdgewiseError as error:
        if not told:
            write(ci.cases(error.conversion) if error.conversion else [ci.failure(model, error)])
        raise
