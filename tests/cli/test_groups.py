"""Options in named groups."""

import click
import pytest
from click.testing import CliRunner

from edgewise.cli.groups import GroupedCommand, in_group
from edgewise.cli.main import cli

_GROUPED = ("bench", "compare", "ensemble", "export", "models", "results", "run", "train", "verify")


def help_of(*names: str) -> list[str]:
    done = CliRunner().invoke(cli, [*names, "--help"])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_each_group_has_a_section_in_the_order_of_its_first_option() -> None:
    @click.command(cls=GroupedCommand)
    @click.argument("name")
    @in_group("Data")("--data", help="Some data.", show_default="what is there")
    @click.option("--json", is_flag=True, help="Print JSON.")
    @in_group("Schedule")("--epochs", default=3, show_default=True, help="Passes.")
    @in_group("Data")("--share", hidden=True)
    @in_group("Data")("--seed", help="Seed.")
    def command(**options: object) -> None:
        """Do it."""

    lines = CliRunner().invoke(command, ["--help"]).output.splitlines()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert headings == ["Usage: command [OPTIONS] NAME", "Data:", "Schedule:", "General options:"]
    data = [line.strip() for line in lines[lines.index("Data:") + 1 : lines.index("Schedule:")]]
    assert data == ["--data TEXT  Some data.  [default: what is there]", "--seed TEXT  Seed.", ""]


@pytest.mark.parametrize("name", _GROUPED)
def test_commands_with_many_options_group_them(name: str) -> None:
    lines = help_of(name)
    headings = [line for line in lines if line and not line.startswith(" ")][1:]
    assert headings[-1] == "General options:"
    assert len(headings) > 1
    general = lines[lines.index("General options:") + 1 :]
    assert [line.split()[0] for line in general if line.startswith("  -")] == ["--json", "-q,", "-v,", "-h,"]


def commands() -> list[tuple[str, ...]]:
    root = click.Context(cli)
    found: list[tuple[str, ...]] = []
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        if isinstance(command, click.Group):
            found += [(name, inner) for inner in command.list_commands(root)]
        else:
            found.append((name,))
    return found


def options_of(names: tuple[str, ...]) -> list[click.Option]:
    command: click.Command = cli
    for name in names:
        assert isinstance(command, click.Group)
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        command = inner
    return [option for option in command.params if isinstance(option, click.Option)]


@pytest.mark.parametrize("names", commands(), ids=" ".join)
def test_every_option_is_explained_in_whole_sentences(names: tuple[str, ...]) -> None:
    for option in options_of(names):
        assert option.help, option.name
        text = option.help.partition("  [")[0]
        assert text[0].isupper() or text.split()[0] in {"shapes", "imagenet"}, text
        assert text.endswith("."), text


@pytest.mark.parametrize("names", commands(), ids=" ".join)
def test_every_command_can_print_json_and_be_quiet(names: tuple[str, ...]) -> None:
    assert {"as_json", "quiet", "verbose"} <= {option.name for option in options_of(names)}
