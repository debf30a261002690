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
import traceback
from importlib.metadata import version
from typing import NoReturn

import click

from ..models.errors import EdgewiseError, UsageError
from ..models.printable import printable, printable_lines
from .failure import document, is_written, written
from .streams import abandon_output, complete, is_of_output, say

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
    dependency, 7 passed its gate in another precision than the one asked for, 8 worse than the baseline,
    130 interrupted.
    """


def main() -> None:
    """Run the command line; what goes wrong gives one line on stderr, and a traceback only with `-v`."""
    complete()
    for number in (signal.SIGTERM, signal.SIGINT):  # otherwise SIGTERM would leave temporary folders
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    # At exit, the collector would visit what torch leaves behind several times: 3 s after a conversion.
    atexit.register(gc.freeze)
    try:
        cli.main(prog_name="edgewise", standalone_mode=False)
        sys.stdout.flush()
    except EdgewiseError as error:
        _end_if_interrupted(error)
        _end(error, str(error))
    except click.ClickException as error:
        _print_document(UsageError(error.format_message()))
        said = io.StringIO()
        error.show(said)
        say(printable_lines(said.getvalue()), newline=False)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        _end_interrupted(error)
    except Exception as error:  # noqa: BLE001 - the last place to catch it
        _end_if_interrupted(error)
        if isinstance(error, OSError):
            _end_of_system(error)
        _unforeseen(error, _UnexpectedError(f"unexpected {type(error).__name__}: {error}"))


def _end_of_system(error: OSError) -> NoReturn:
    """What the system refuses: a full disk, a folder without permission."""
    reason = error.strerror or str(error)
    if is_of_output(error):
        abandon_output()
        _end(EdgewiseError(reason), f"the output cannot be written ({reason}); write it to another place")
    place = "" if error.filename is None else f"{error.filename}: "
    _unforeseen(error, EdgewiseError(f"{place}{reason}"))


def _unforeseen(error: Exception, told: EdgewiseError) -> NoReturn:
    """Say what happened, with the traceback only where it was asked for."""
    if {"-v", "--verbose"} & {*sys.argv[1:]}:
        say(printable_lines("".join(traceback.format_exception(error))), newline=False)
        _end(told, str(told))
    _end(told, f"{told}; -v shows where")


def _end(error: EdgewiseError, line: str) -> NoReturn:
    _print_document(error)
    say(f"edgewise: {printable(line)}")
    sys.exit(error.exit_code)


def _end_if_interrupted(error: Exception) -> None:
    """Libraries make other errors of a signal while they are imported."""
    if _interrupted:
        _end_interrupted(error)


def _end_interrupted(error: BaseException) -> NoReturn:
    ended = _InterruptedError("interrupted")
    if is_written(error):
        written(ended)
    _end(ended, "interrupted; nothing half-written is left")


class _UnexpectedError(EdgewiseError):
    exit_name = "unexpected_error"


class _InterruptedError(EdgewiseError):
    exit_code, exit_name = _INTERRUPTED, "interrupted"


def _print_document(error: EdgewiseError) -> None:
    """The one document on stdout of a command that was asked for JSON and has not printed it yet."""
    if "--json" in sys.argv[1:] and not is_written(error):
        say(json.dumps(document(error), indent=2), to_error=False)


_interrupted = False


def _interrupt(number: int, frame: object) -> None:
    global _interrupted  # noqa: PLW0603 - signals are of the whole process
    del number, frame
    _interrupted = True
    raise KeyboardInterrupt
