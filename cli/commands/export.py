"""`edgewise export`: from a network to a proven bundle."""

from pathlib import Path
from typing import Any

import click

from ..choices import NameOrFile, networks, sources
from ..ci import for_ci, telling
from ..groups import GroupedCommand, in_group
from ..options import conversion, labels, limits, outcome, output, pictures, preprocessing, speed


@click.command(cls=GroupedCommand, short_help="Convert a network, prove the result and write a bundle.")
@click.argument("name", type=NameOrFile("NAME", networks))
@conversion
@in_group("Network")(
    "--weights",
    type=NameOrFile("SOURCE", sources),
    default="auto",
    help="Load imagenet, bundled or random weights, or a .safetensors or .pth file. auto takes imagenet if "
    "available, otherwise bundled.",
)
@in_group("Network")(
    "--ema",
    is_flag=True,
    help="Use the averaged weights (EMA, SWA) of a checkpoint that has raw ones as well.",
)
@preprocessing
@labels
@pictures
@limits
@speed
@outcome
@in_group("Bundles")(
    "--android",
    "assets",
    type=click.Path(path_type=Path),
    metavar="ASSETS",
    help="Write the TFLite bundle into this assets folder of an Android app too, as `edgewise android` does.",
)
@for_ci
@output
def command(assets: Path | None, junit: Path | None, summary: Path | None, **options: Any) -> None:
    """Convert NAME, prove the result and write a bundle with the model, manifest, labels and a golden sample.

    NAME is a network of `edgewise models`, of a whole library (timm:NAME, torchvision:NAME) or of your own
    (net.py:factory), or a file: a checkpoint of `edgewise train`, a torch.export program (.pt2), a Keras
    model (.keras, .h5 or the folder of a SavedModel).

    No INT8 model is written before it passes the accuracy gate: the drop of top-1 accuracy on labelled
    pictures (--data, or generated ones for the bundled weights), or the drop as estimated on photographs
    without labels (those of --calib that did not calibrate). Without either, accuracy is UNPROVEN. A target
    that fails does not keep the others from being written (see --all-or-nothing); the exit code says so.

    \b
    edgewise export mobilenetv2 --to tflite --int8
    edgewise export mobilenetv2 --to onnx,tflite,openvino --int8
    edgewise export mobilenetv2 --int8 --weights mine.pth --mean 0.5 --std 0.5 --calib photos --data val
    """
    from ..terminal import terminal

    screen_options = {key: options.pop(key) for key in ("as_json", "quiet", "verbose")}
    with terminal(**screen_options) as screen:
        with screen.starting():
            from ...pipeline.convert import run
            from ...pipeline.request import ConvertRequest
            from ..views import assets as app
            from ..views.conversion import reporting, show_conversion
        name = options.pop("name")
        with telling("edgewise export", str(name), junit, summary) as tell:
            request = ConvertRequest(model=name, **options)
            if assets:
                app.refuse(request, assets)
            with reporting(screen):
                result = run(request, screen)
            tell(result)
        show_conversion(screen.results, result)
        document = result.to_json()
        if assets and (bundle := app.of_conversion(result)):
            document["android"] = app.fill(bundle, assets, screen)
        screen.finish(document, result.require)
