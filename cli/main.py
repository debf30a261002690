"""The door: `edgewise COMMAND`. Every module here without a leading underscore is a command of that name."""

import importlib
import pkgutil
import signal
import sys
from importlib.metadata import version

import click

from ..models.errors import EdgewiseError

_PACKAGE = "edgewise.cli"
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _Commands(click.Group):
    """Imports a command's module only when it is called for: `--help` stays instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        path = importlib.import_module(_PACKAGE).__path__
        names = (module.name for module in pkgutil.iter_modules(path))
        return [name for name in names if not name.startswith("_") and name != "main"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"{_PACKAGE}.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - a rule of this folder
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("edgewise"), prog_name="edgewise")
def cli() -> None:
    """From a PyTorch image classifier to a proven INT8 model on the device.

    Exit codes: 0 fine, 1 error, 2 usage, 3 accuracy gate, 4 parity gate, 5 latency gate, 6 missing
    dependency.
    """


def main() -> None:
    """Run the command line; a user's mistake gives one line on stderr, never a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)  # or else temporary folders would stay
    try:
        cli.main(prog_name="edgewise", standalone_mode=False)
    except EdgewiseError as error:
        click.echo(f"edgewise: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("edgewise: interrupted; nothing half-written is left", err=True)
        sys.exit(_INTERRUPTED)


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt
