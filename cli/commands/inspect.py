"""`edgewise inspect`: what a model file really is, whoever wrote it. Needs no torch."""

from pathlib import Path

import click

from ..options import normalising, output


@click.command(short_help="Show what a model file really is.")
@click.argument("path", metavar="FILE|BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--calib",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of pictures on which to count INT8 products that exceed 16 bits, as they do on x86 without "
    "VNNI.",
)
@normalising
@output
def command(
    path: Path,
    calib: Path | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Show what a .tflite, .onnx or .xml file, or the model of a BUNDLE, really is.

    Operators and their arithmetic, size, inputs, outputs and metadata are shown as the engine reads them.

    The file is opened in a child process, so that a file that crashes its parser is reported. It is an error
    if the model of a bundle does not have the precision that its manifest records.

    Which layers can exceed 16 bits on x86 without VNNI follows from the weights; --calib counts how often
    they do. A file that is not in a bundle also needs --mean and --std for that.
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.inspection import inspect
            from ..views.inspect import show_inspection
        found = inspect(path, calib=calib, mean=mean, std=std, progress=screen)
        show_inspection(screen.results, found)
        screen.finish(found.to_json(), found.require)
