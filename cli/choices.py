"""Types of arguments and options that a shell can complete. The jobs themselves check the values."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem


class Listed(click.ParamType[str]):
    """Names separated by commas. What is not known is left to the job, which suggests what was meant."""

    separator = ","  # of a list in a pipeline file

    def __init__(self, name: str, known: Callable[[], Iterable[str]]) -> None:
        self.name, self._known = name, known

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the last of the names with those that do not stand before it."""
        del ctx, param
        before, comma, last = incomplete.rpartition(",")
        taken = before.split(",")
        names = [name for name in self._known() if name.startswith(last) and name not in taken]
        return [CompletionItem(f"{before}{comma}{name}") for name in names]


class NameOrFile(click.ParamType[str]):
    """One of some names, or a path."""

    def __init__(self, name: str, known: Callable[[], Iterable[str]]) -> None:
        self.name, self._known = name, known

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete names, and files beside them."""
        del ctx, param
        names = [CompletionItem(name) for name in self._known() if name.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file"), *names]  # bash drops what stands before a file


def targets() -> Iterable[str]:
    """What `--to` takes."""
    from ..export import targets as known

    return *known(), "all"


def precisions() -> Iterable[str]:
    """What `--precision` takes."""
    from ..export.precision import Precision

    return (member.value for member in Precision if member.requestable)


def processors() -> Iterable[str]:
    """What `--for` takes."""
    from ..runtime.processors import names

    return names()


def networks() -> Iterable[str]:
    """The networks of the zoo."""
    from ..models.zoo import architectures

    return (row.name for row in architectures())


def sources() -> Iterable[str]:
    """The weights that have a name."""
    from ..models.weights.names import SOURCES

    return SOURCES
