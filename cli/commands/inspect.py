"""`edgewise inspect`: what a model file really is, whoever wrote it. Needs no torch."""

from pathlib import Path

import click

from ..options import output


@click.command(short_help="Show what a model file really is.")
@click.argument("path", metavar="FILE|BUNDLE", type=click.Path(path_type=Path))
@output
def command(path: Path, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show what a .tflite, .onnx or .xml file, or the model of a BUNDLE, really is.

    Operators and their arithmetic, size, inputs, outputs and metadata are shown as the engine reads them.

    The file is opened in a child process, so that a file that crashes its parser is reported. It is an error
    if the model of a bundle does not have the precision that its manifest records.
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.inspection import inspect
            from ..views.inspect import show_inspection
        found = inspect(path, progress=screen)
        show_inspection(screen.results, found)
        screen.finish(found.to_json(), found.require)
