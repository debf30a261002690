"""`edgewise android`: a bundle into an Android app's assets. Needs no torch."""

import json
from pathlib import Path

import click


@click.command(short_help="Put a bundle into an Android app's assets.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("assets", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries say.")
def command(bundle: Path, assets: Path | None, *, as_json: bool, verbose: bool) -> None:
    """Check BUNDLE, a TFLite one, and write it to ASSETS/edgewise: whole, or not at all.

    \b
    edgewise android dist/mobilenetv2-tflite-w8a8
    edgewise android dist/mobilenetv2-tflite-w8a8 myapp/app/src/main/assets

    ASSETS is by default that of the android_demo below the current folder. All digests are checked and the
    golden sample is run first. An earlier bundle there is replaced, and nothing else in ASSETS is touched.
    """
    from ..runtime.android import default_assets
    from ..runtime.bundle import Bundle
    from ._assets import fill
    from ._terminal import terminal

    with terminal(verbose=verbose, quiet=as_json) as screen:
        document = fill(Bundle.open(bundle), assets or default_assets(), screen)
    if as_json:
        click.echo(json.dumps(document, indent=2))
