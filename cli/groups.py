"""Named groups of options: `--help` lists each under its heading instead of all in one long list."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
OptionMaker: TypeAlias = Callable[..., Callable[[_Command], _Command]]

Check: TypeAlias = Callable[[dict[str, Any]], None]

_REST, _ALL = "General options", "Options"


class GroupedOption(click.Option):
    """An option that belongs to a `group`, which is the heading of its section."""

    def __init__(self, *arguments: Any, group: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.group = group

    def get_help_extra(self, ctx: click.Context) -> Any:
        """What stands in brackets after the help, with a default in words as it was given."""
        extra = super().get_help_extra(ctx)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default
        return extra


class GroupedCommand(click.Command):
    """A command whose help has a section for each group; options without one come last.

    `check` raises a `UsageError` where the values of its parameters contradict each other. It looks at
    nothing else, so that a pipeline file can be checked before its first step begins.
    """

    def __init__(self, *arguments: Any, check: Check | None = None, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.check = check

    def invoke(self, ctx: click.Context) -> Any:
        """Check the values, then run."""
        if self.check is not None:
            self.check(ctx.params)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections in the order in which their first options were declared."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if isinstance(option, click.Option) and record:
                sections.setdefault(getattr(option, "group", _REST), []).append(record)
        general = sections.pop(_REST, [])
        rest = _REST if sections else _ALL
        for heading, records in (*sections.items(), (rest, general)):
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def in_group(group: str) -> OptionMaker[Any]:
    """`click.option` for options of that group."""
    return partial(click.option, cls=GroupedOption, group=group)
