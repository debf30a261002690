"""`edgewise export`: from a network to a proven bundle."""

import json
from pathlib import Path
from typing import Any

import click

from ._options import conversion, labels, limits, outcome, pictures, preprocessing
from ._request import request_of


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
    as_json, verbose = options.pop("as_json"), options.pop("verbose")
    request = request_of(options)
    from . import _assets
    from ._report import to_json
    from ._reported import reported
    from ._terminal import terminal

    if assets:
        _assets.refuse(request, assets)
    with terminal(verbose=verbose, quiet=as_json) as screen:
        outcome = reported(request, screen)
        document = to_json(outcome, screen.notices)
        if assets:
            document["android"] = _assets.fill(_assets.of_outcome(outcome), assets, screen)
    if as_json:
        click.echo(json.dumps(document, indent=2))
