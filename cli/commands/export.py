"""`edgewise export`: from a network to a proven bundle."""

from pathlib import Path
from typing import Any

import click

from ..options import conversion, labels, limits, outcome, output, pictures, preprocessing


@click.command(short_help="Convert a network, prove the result and write a bundle.")
@click.argument("name")
@conversion
@click.option(
    "--weights",
    default="auto",
    help="imagenet, bundled, random, or a .safetensors or .pth state dict; auto takes imagenet, or else "
    "bundled.",
    show_default=True,
)
@preprocessing
@labels
@pictures
@limits
@click.option(
    "--android",
    "assets",
    type=click.Path(path_type=Path),
    metavar="ASSETS",
    help="Write the TFLite bundle into this folder of an Android app too, as `edgewise android` does.",
)
@outcome
@output
def command(assets: Path | None, **options: Any) -> None:
    """Convert NAME, prove the result and write a bundle: model, manifest, labels, golden sample.

    NAME is a network of `edgewise models`, of a whole library (timm:NAME, torchvision:NAME) or of your own
    (net.py:factory), or a file: a checkpoint of `edgewise train`, a torch.export program (.pt2), a Keras
    model (.keras, .h5 or the folder of a SavedModel).

    Nothing that calls itself INT8 is written before it passed its gate: the drop of top-1 accuracy on
    labelled pictures (--data, or the generated set of the bundled weights), else the agreement with the
    float model. Where one of several targets fails, none is written.

    \b
    edgewise export mobilenetv2 --to tflite --int8
    edgewise export mobilenetv2 --to onnx,tflite,openvino --int8
    edgewise export mobilenetv2 --int8 --weights mine.pth --mean 0.5 --std 0.5 --calib photos --data val
    """
    from ...pipeline.convert import run
    from ...pipeline.request import ConvertRequest
    from ..terminal import terminal
    from ..views import assets as app
    from ..views.conversion import reporting, show_conversion

    screen_options = {key: options.pop(key) for key in ("as_json", "quiet", "verbose")}
    with terminal(**screen_options) as screen:
        request = ConvertRequest(model=options.pop("name"), **options)
        if assets:
            app.refuse(request, assets)
        with reporting(screen):
            result = run(request, screen)
        show_conversion(screen.results, result)
        document = result.to_json()
        if assets:
            document["android"] = app.fill(app.of_conversion(result), assets, screen)
        screen.finish(document, result.require)
