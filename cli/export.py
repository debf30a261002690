"""`edgewise export`: from a network to a proven bundle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..models.errors import UsageError
from ._options import limits

if TYPE_CHECKING:
    from ._pipeline import Request

_DEFAULTS_SHOWN: dict[str, Any] = {"show_default": True}


class _Three(click.ParamType[tuple[float, float, float]]):
    """One number for all channels, or three with commas between."""

    name = "R,G,B"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, float, float]:
        try:
            numbers = [float(part) for part in str(value).split(",")]
        except ValueError:
            numbers = []
        if len(numbers) == 1:
            numbers *= 3
        if len(numbers) != 3:
            self.fail(f"{value!r} is neither one number nor three like 0.485,0.456,0.406", param, ctx)
        return numbers[0], numbers[1], numbers[2]


@click.command(short_help="Convert a network, prove the result and write a bundle.")
@click.argument("name")
@click.option("--to", "--format", "target", default="tflite", help="What to export to.", **_DEFAULTS_SHOWN)
@click.option("--int8", is_flag=True, help="Quantize to INT8: short for --precision w8a8.")
@click.option(
    "--precision", type=click.Choice(["fp32", "w8a8"]), help="Weights and activations.  [default: fp32]"
)
@click.option(
    "--io",
    type=click.Choice(["float32", "int8", "uint8"]),
    default="float32",
    help="Type of the INT8 model's input and output; float32 runs everywhere and costs next to nothing.",
    **_DEFAULTS_SHOWN,
)
@click.option(
    "--weights",
    default="auto",
    help="imagenet, bundled, or a .safetensors or .pth state dict; auto takes imagenet, or else bundled.",
    **_DEFAULTS_SHOWN,
)
@click.option("--mean", type=_Three(), help="Mean of the pixels on the [0, 1] scale, for foreign weights.")
@click.option("--std", type=_Three(), help="Their standard deviation, likewise.")
@click.option("--imgsz", type=int, help="Side of the network's input in pixels.")
@click.option("--resize", type=int, help="Shorter side of the picture before the centre is cut.")
@click.option(
    "--labels", type=click.Path(path_type=Path), help="Class names, one a line; an id may stand before each."
)
@click.option(
    "--calib",
    type=click.Path(path_type=Path),
    help="Folder of pictures to calibrate with.  [default: generated dead leaves]",
)
@click.option("--calib-count", type=int, help="How many of them.  [default: up to 128]")
@click.option(
    "--seed", type=int, default=0, help="Draws and generates calibration pictures.", **_DEFAULTS_SHOWN
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Labelled folders to verify the accuracy drop with."
)
@click.option(
    "--eval-count",
    type=click.IntRange(min=12),
    default=1200,
    help="Generated pictures to verify bundled weights with.",
    **_DEFAULTS_SHOWN,
)
@limits
@click.option("--force", is_flag=True, help="Write the bundle even if the accuracy gate fails.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The bundle's folder.  [default: dist/NAME-TARGET-PRECISION]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries say.")
def command(**options: Any) -> None:
    """Convert NAME, prove the result and write a bundle: model, manifest, labels, golden sample.

    Nothing that calls itself INT8 is written before it passed its gate: the drop of top-1 accuracy on
    labelled pictures (--data, or the generated set of the bundled weights), else the agreement with the
    float model.

    \b
    edgewise export mobilenetv2 --to tflite --int8
    edgewise export mobilenetv2 --int8 --weights mine.pth --mean 0.5 --std 0.5 --calib photos --data val
    """
    as_json, verbose = options.pop("as_json"), options.pop("verbose")
    request = _request(options)
    from ._pipeline import GateError, run
    from ._report import show_layers, show_outcome, to_json
    from ._terminal import terminal

    with terminal(verbose=verbose, quiet=as_json) as screen:
        try:
            outcome = run(request, screen)
        except GateError as error:
            show_layers(screen.console, error.layers)
            raise
        show_outcome(screen.console, outcome)
        document = to_json(outcome, screen.notices)
    if as_json:
        click.echo(json.dumps(document, indent=2))


def _request(options: dict[str, Any]) -> "Request":
    """The options as the pipeline wants them; those that contradict each other are refused."""
    from ..models.weights import Overrides
    from ..runtime.verify import Limits
    from ._pipeline import Request

    int8, precision = options.pop("int8"), options.pop("precision")
    if int8 and precision not in (None, "w8a8"):
        raise UsageError(f"--int8 is --precision w8a8, not {precision}; give one of them")
    precision = "w8a8" if int8 else precision or "fp32"
    if precision == "fp32" and options["io"] != "float32":
        raise UsageError(f"--io {options['io']} is for quantized models; add --int8")
    overrides = Overrides(**{key: options.pop(key) for key in ("mean", "std", "imgsz", "resize", "labels")})
    limits = Limits(**{key: options.pop(key) for key in ("max_drop", "min_agreement", "strict")})
    return Request(precision=precision, overrides=overrides, limits=limits, **options)
