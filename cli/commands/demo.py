"""`edgewise demo`: a bundle's models in a browser, on pictures of yours. Needs no torch."""

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import output

if TYPE_CHECKING:
    from ...runtime.devices.demo import DemoPage, ShownModel
    from ..terminal import Terminal


@click.command(short_help="Try a bundle's models in a browser.")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=0,
    help="Port of the page; 0 takes one that is free.",
)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", default=1, help="Threads of the engine.")
@click.option("--open/--no-open", "opens", default=True, help="Open the page in your browser.")
@output
def command(
    bundles: tuple[Path, ...],
    port: int,
    threads: int,
    *,
    opens: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Open a page on which BUNDLES classify pictures or what a camera sees, float and INT8 side by side.

    The very model files run there, in LiteRT.js or ONNX Runtime Web, with times and the golden sample's
    check. Pictures stay in the browser. The page is served to this machine alone, under an address that
    cannot be guessed, until Ctrl-C; the engines are downloaded once, by npm.

    \b
    edgewise demo dist/mobilenetv2-tflite-w8a8
    edgewise demo dist/a-tflite-w8a8 dist/a-onnx-w8a8 --port 8000 --no-open
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.document import document
            from ...pipeline.report import style
            from ...runtime.devices.demo import served
        with (
            served(bundles, style().encode(), threads=threads, port=port) as page,
            suppress(KeyboardInterrupt),
        ):
            for line in page.notices:
                screen.notice(line)
            screen.console.print("[dim]a page until Ctrl-C:[/]")
            (screen.console if as_json else screen.results).print(page.address, soft_wrap=True)
            if opens and not webbrowser.open_new_tab(page.address):
                screen.notice("there is no browser to open; open that address yourself")
            _serve(page, screen)
        screen.finish(document("demo", models=[_told(model) for model in page.models]))


def _serve(page: "DemoPage", screen: "Terminal") -> None:
    """Show what the page says, until Ctrl-C."""
    from ...models.printable import printable

    for event in page.events():
        kind = event["event"] if event else None
        if event and kind == "golden":
            model = page.models[int(event["contender"])]
            prepared = "input equal" if model.prepared == 0 else f"input differs by {model.prepared:.2g}"
            screen.results.print(f"{model.title}: golden sample {model.told}, {prepared}", markup=False)
        elif event and kind == "error":
            screen.notice(f"the page failed: {printable(str(event.get('message')))}")


def _told(model: "ShownModel") -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(model), "passed": model.passed}
