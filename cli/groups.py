"""Named groups of options: `--help` lists each under its heading instead of all in one long list."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
OptionMaker: TypeAlias = Callable[..., Callable[[_Command], _Command]]

_REST = "General options"


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
    """A command whose help has a section for each group; options without one come last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections in the order in which their first options were declared."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if isinstance(option, click.Option) and record:
                sections.setdefault(getattr(option, "group", _REST), []).append(record)
        general = sections.pop(_REST, [])
        for heading, records in (*sections.items(), (_REST, general)):
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def in_group(group: str) -> OptionMaker[Any]:
    """`click.option` for options of that group."""
    return partial(click.option, cls=GroupedOption, group=group)
