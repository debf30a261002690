"""`edgewise android`: a bundle into an Android app's assets. Needs no torch."""

from pathlib import Path

import click

from ..options import output


@click.command(short_help="Put a bundle into an Android app's assets.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("assets", required=False, type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Labelled pictures, a folder for each class, to judge the model by.",
)
@click.option(
    "--build", is_flag=True, help="Show the command that builds the app and installs it on a phone."
)
@output
def command(
    bundle: Path,
    assets: Path | None,
    data: Path | None,
    *,
    build: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Check a TFLite BUNDLE and write it to ASSETS/edgewise, completely or not at all.

    \b
    edgewise android dist/mobilenetv2-tflite-w8a8
    edgewise android dist/mobilenetv2-tflite-w8a8 --build
    edgewise android dist/mobilenetv2-tflite-w8a8 myapp/app/src/main/assets

    By default, ASSETS is the assets folder of the android_demo below the current folder. The bundle is proven
    again first, as `edgewise verify` does: by --data, or by its agreement with its float model on generated
    pictures. An earlier bundle there is replaced; nothing else in ASSETS is touched.
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.document import document
            from ...runtime.android import build_command, default_assets
            from ...runtime.bundle import Bundle
            from ..views.assets import judge_and_fill
        assets = assets or default_assets()
        building = build_command(assets) if build else None
        filled = judge_and_fill(Bundle.open(bundle), assets, data, screen)
        if building:
            screen.results.print(building, soft_wrap=True, markup=False, highlight=False)
        screen.finish(document("android", build=building, **filled))
