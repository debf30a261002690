"""`edgewise report`: a page about bundles and latency records. Needs no torch."""

from pathlib import Path

import click

from ..options import output


@click.command(short_help="Write a page about bundles and latency records.")
@click.argument(
    "paths", metavar="BUNDLE|FOLDER|RECORD...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    default=Path("report.html"),
    help="The file to write.",
)
@output
def command(paths: tuple[Path, ...], out: Path, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Write one HTML file, which needs no network, about bundles and latency records.

    A single BUNDLE, or the folder of a run of `edgewise train`, gets the page that was written into it,
    without its pictures. Several bundles, a FOLDER of bundles and JSON files of records (edgewise results
    --json) are compared: verdict, accuracy, fidelity, size and time of each model, and each model's time on
    each device.

    \b
    edgewise report dist/mobilenetv2-tflite-w8a8
    edgewise report dist -o models.html
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...models.printable import printable
            from ...pipeline.reporting import report
        made = report(paths, out=out, progress=screen)
        screen.results.print(printable(str(made.path)), markup=False)
        screen.finish(made.to_json())
