"""`edgewise run`: the steps of a pipeline file, one after the other."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...models.errors import EdgewiseError, UsageError
from ..groups import GroupedCommand, in_group
from ..options import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..steps import StepRun
    from ..terminal import Terminal

_steps = in_group("Steps")


@click.command(cls=GroupedCommand, short_help="Run the steps of a pipeline file.")
@click.argument("file", type=click.Path(path_type=Path))
@_steps(
    "--folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder in which the steps run, and from which the paths in the file start.",
    show_default="that of the file",
)
@_steps("--from", "first", type=click.IntRange(min=1), metavar="N", default=1, help="Begin with this step.")
@_steps("--dry-run", is_flag=True, help="Check the file and print the commands, but run none.")
@output
@click.pass_context
def command(
    context: click.Context,
    file: Path,
    folder: Path | None,
    first: int,
    *,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run the steps of FILE, in TOML. The first that fails ends the run, with its exit code.

    Each step names a command and has its options, without their dashes, and its arguments, in lower case.
    The whole file is checked before the first step begins. The bundles that are made hold the file.

    \b
    [[steps]]
    run = "train"
    name = "mobilenetv2"
    data = "photos"
    out = "runs/photos"

    \b
    [[steps]]
    run = "export"
    name = "runs/photos/model.safetensors"
    int8 = true
    data = "photos"

    A second run repeats every step, but continues a training where it ended. --from leaves out steps that
    are done. The file can do whatever commands can: of one from somebody else, see --dry-run first.
    """
    from ...pipeline.document import document
    from ..pipeline_file import read_steps
    from ..steps import planned
    from ..terminal import Terminal
    from ..toml_file import TomlFile

    screen = Terminal(sys.stdout, sys.stderr, quiet=quiet, as_json=as_json)
    try:
        source = TomlFile.read(file)
        steps = read_steps(source, context.find_root())
        if first > len(steps):
            raise UsageError(f"--from {first}: the last step of {file} is {len(steps)}")
        place = _place(file, folder)
        runs = [planned(step, Path(os.path.relpath(file, place)), place) for step in steps]
        failed = None
        if dry_run:
            _show(screen, runs[first - 1 :])
        else:
            again = ["edgewise", "run", str(file), *(["--folder", str(folder)] if folder else []), "--from"]
            failed = _perform(runs, first, source.content, place, screen, again, verbose=verbose)
        told = [run.to_json() for run in runs]
        screen.finish(document("run", file=str(file), folder=str(place), dry_run=dry_run, steps=told))
        if failed:
            raise failed
    except EdgewiseError as error:
        screen.close(error)
        raise
    screen.close()


def _place(file: Path, folder: Path | None) -> Path:
    """The folder of the run, which the user must name for a file in a bundle: its paths start elsewhere."""
    from ...pipeline.checks import require_folder
    from ...runtime.bundle.atomic import MANIFEST

    if folder is None and (file.parent / MANIFEST).is_file():
        raise UsageError(
            f"{file}: lies in a bundle, but its paths start from another folder; name that with --folder"
        )
    place = folder or file.parent
    require_folder(place, "the folder in which the steps run")
    return place.resolve()


def _show(screen: "Terminal", runs: "Sequence[StepRun]") -> None:
    for run in runs:
        screen.results.print(run.command, markup=False, soft_wrap=True)


def _perform(
    runs: "list[StepRun]",
    first: int,
    content: bytes,
    place: Path,
    screen: "Terminal",
    again: list[str],
    *,
    verbose: bool,
) -> EdgewiseError | None:
    """Run them one after the other, each in its place in the list; return the error of one that fails.

    `content` is that of the pipeline file; `again` and a number are the command that goes on.
    """
    from ...models.scratch import scratch_folder
    from ..steps import failure, planned, ran

    flags = {"--quiet": screen.console.quiet, "--verbose": verbose, "--json": screen.as_json}
    options = [flag for flag, given in flags.items() if given]
    with scratch_folder() as scratch:
        kept = scratch / "pipeline.toml"  # bundles get what is run now, whatever becomes of the file
        kept.write_bytes(content)
        for number in range(first, len(runs) + 1):
            run = planned(runs[number - 1].step, kept, place)  # as earlier steps have left the folder
            screen.console.print(f"[bold]step {number} of {len(runs)}[/]", end=": ", soft_wrap=True)
            screen.console.print(runs[number - 1].command, markup=False, soft_wrap=True)
            runs[number - 1] = done = ran(run, place, *options, as_json=screen.as_json)
            if done.exit_code:
                goes_on = shlex.join([*again, str(number)])
                return failure(
                    done, f"done before it: {number - 1}; to go on when that is repaired: {goes_on}"
                )
    return None
