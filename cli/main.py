"""The entry point: `edgewise COMMAND`. Every module in `commands/` is a command of that name."""

import atexit
import difflib
import gc
import importlib
import io
import json
import pkgutil
import signal
import sys
from importlib.metadata import version

import click

from ..models.errors import EdgewiseError, UsageError
from ..models.printable import printable, printable_lines
from .failure import document, is_written

_COMMANDS = "edgewise.cli.commands"
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _Commands(click.Group):
    """Imports a command's module only when it is called, so that `--help` stays instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [module.name for module in pkgutil.iter_modules(importlib.import_module(_COMMANDS).__path__)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"{_COMMANDS}.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - a rule of this folder
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        unknown = args and args[0] not in names and not args[0].startswith("-")
        if unknown and not ctx.resilient_parsing:  # so that a shell can complete what follows a typo
            near = difflib.get_close_matches(args[0], names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(names)}"
            raise click.UsageError(f"No such command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}


@click.group(cls=_Commands, context_settings=_SETTINGS)
@click.version_option(version("edgewise"), prog_name="edgewise")
def cli() -> None:
    """From a PyTorch image classifier to a proven INT8 model on the device.

    Results go to stdout, progress and notices to stderr. Run `edgewise COMMAND --help` for the options of a
    command.

    Exit codes: 0 success, 1 error, 2 usage error, 3 accuracy gate, 4 parity gate, 5 latency gate, 6 missing
    dependency, 7 passed its gate in another precision than the one asked for, 130 interrupted.
    """


def main() -> None:
    """Run the command line; a user's mistake gives one line on stderr, never a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)  # otherwise temporary folders would stay
    # At exit, the collector would visit what torch leaves behind several times: 3 s after a conversion.
    atexit.register(gc.freeze)
    try:
        cli.main(prog_name="edgewise", standalone_mode=False)
    except EdgewiseError as error:
        _print_document(error)
        click.echo(f"edgewise: {printable(str(error))}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _print_document(UsageError(error.format_message()))
        said = io.StringIO()
        error.show(said)
        click.echo(printable_lines(said.getvalue()), err=True, nl=False)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _print_document(_InterruptedError("interrupted"))
        click.echo("edgewise: interrupted; nothing half-written is left", err=True)
        sys.exit(_INTERRUPTED)
    except Exception as error:
        _print_document(_UnexpectedError(f"unexpected {type(error).__name__}: {error}"))
        raise


class _UnexpectedError(EdgewiseError):
    exit_name = "unexpected_error"


class _InterruptedError(EdgewiseError):
    exit_code, exit_name = _INTERRUPTED, "interrupted"


def _print_document(error: EdgewiseError) -> None:
    """The one document on stdout of a command that was asked for JSON and has not printed it yet."""
    if "--json" in sys.argv[1:] and not is_written(error):
        click.echo(json.dumps(document(error), indent=2))


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt
