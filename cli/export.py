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
_PRECISIONS = ("fp32", "fp16", "w8a32", "w8a8")


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


class _Precisions(click.ParamType[tuple[str, ...]]):
    """Precisions with commas between, each once."""

    name = "P,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        wanted = [part.strip().lower() for part in str(value).split(",")]
        for name in wanted:
            if name not in _PRECISIONS:
                self.fail(f"{name!r} is none of {', '.join(_PRECISIONS)}", param, ctx)
        return tuple(dict.fromkeys(wanted))


@click.command(short_help="Convert a network, prove the result and write a bundle.")
@click.argument("name")
@click.option(
    "--to",
    "--format",
    "targets",
    default="tflite",
    help="What to export to: tflite (or litert), onnx, openvino (or ov), several with commas, or all.",
    **_DEFAULTS_SHOWN,
)
@click.option("--int8", is_flag=True, help="Quantize to INT8: short for --precision w8a8.")
@click.option(
    "--precision",
    "precisions",
    type=_Precisions(),
    help="Weights and activations: fp32, fp16 and w8a32 (weights alone), w8a8; several with commas.  "
    "[default: fp32]",
)
@click.option("--per-tensor", is_flag=True, help="One scale for each weight as a whole.")
@click.option(
    "--io",
    type=click.Choice(["float32", "int8", "uint8"]),
    default="float32",
    help="Type of an INT8 TFLite model's ends; float32 runs everywhere and costs next to nothing.",
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
@click.option(
    "--recover/--no-recover",
    default=True,
    help="Look for a cure where INT8 loses too much: other ranges, layers in float, w8a32.",
    **_DEFAULTS_SHOWN,
)
@click.option(
    "--recover-budget",
    type=click.FloatRange(min=0),
    default=300.0,
    metavar="SECONDS",
    help="Begin nothing new in that search after so long.",
    **_DEFAULTS_SHOWN,
)
@click.option(
    "--max-latency",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MS",
    help="Fail where one picture takes more CPU time here.",
)
@click.option(
    "--require-speedup",
    type=click.FloatRange(min=0, min_open=True),
    metavar="RATIO",
    help="Fail where a smaller model is not so many times as fast as float here.",
)
@click.option("--force", is_flag=True, help="Write the bundle even if the accuracy gate fails.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The bundle's folder, or that of several bundles.  [default: dist/NAME-TARGET-PRECISION]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries say.")
def command(**options: Any) -> None:
    """Convert NAME, prove the result and write a bundle: model, manifest, labels, golden sample.

    Nothing that calls itself INT8 is written before it passed its gate: the drop of top-1 accuracy on
    labelled pictures (--data, or the generated set of the bundled weights), else the agreement with the
    float model. Where one of several targets fails, none is written.

    \b
    edgewise export mobilenetv2 --to tflite --int8
    edgewise export mobilenetv2 --to onnx,tflite,openvino --int8
    edgewise export mobilenetv2 --int8 --weights mine.pth --mean 0.5 --std 0.5 --calib photos --data val
    """
    as_json, verbose = options.pop("as_json"), options.pop("verbose")
    request = _request(options)
    from ._pipeline import GateError, run
    from ._report import show_layers, show_outcome, show_recovery, to_json
    from ._terminal import terminal

    with terminal(verbose=verbose, quiet=as_json) as screen:
        try:
            outcome = run(request, screen)
        except GateError as error:
            show_layers(screen.console, error.layers)
            show_recovery(screen.console, error.recovery)
            raise
        show_outcome(screen.console, outcome)
        document = to_json(outcome, screen.notices)
    if as_json:
        click.echo(json.dumps(document, indent=2))


def _request(options: dict[str, Any]) -> "Request":
    """The options as the pipeline wants them; those that contradict each other are refused."""
    from ..export import chosen
    from ..models.weights import Overrides
    from ..quantize._recipe import Recipe
    from ..runtime.latency import SpeedLimits
    from ..runtime.verify import Limits
    from ._pipeline import Request

    targets = chosen(options.pop("targets"))
    precisions = _precisions(int8=options.pop("int8"), given=options.pop("precisions"))
    recipe = Recipe(io=options.pop("io"), per_channel=not options.pop("per_tensor"))
    if recipe != Recipe() and "w8a8" not in precisions:
        raise UsageError("--io and --per-tensor are for INT8 models; add --int8")
    if recipe.io != "float32" and targets != ("tflite",):
        raise UsageError(f"--io {recipe.io} is for tflite alone; leave it out, or export --to tflite")
    if options["require_speedup"] is not None and precisions == ("fp32",):
        raise UsageError("--require-speedup compares a smaller model with float; add --int8 or a --precision")
    overrides = Overrides(**{key: options.pop(key) for key in ("mean", "std", "imgsz", "resize", "labels")})
    limits = Limits(**{key: options.pop(key) for key in ("max_drop", "min_agreement", "strict")})
    speed = SpeedLimits(options.pop("max_latency"), options.pop("require_speedup"))
    return Request(
        targets=targets,
        precisions=precisions,
        recipe=recipe,
        overrides=overrides,
        limits=limits,
        speed=speed,
        **options,
    )


def _precisions(*, int8: bool, given: tuple[str, ...] | None) -> tuple[str, ...]:
    if int8 and given is not None and "w8a8" not in given:
        raise UsageError(f"--int8 is --precision w8a8, not {','.join(given)}; give one of them")
    return ("w8a8",) if int8 and given is None else given or ("fp32",)
