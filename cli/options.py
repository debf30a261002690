"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

if TYPE_CHECKING:
    from ..export.precision import Precision

_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

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


class _Precisions(click.ParamType["tuple[Precision, ...]"]):
    """Precisions with commas between, each once."""

    name = "P,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> "tuple[Precision, ...]":
        from ..export.precision import Precision
        from ..models.errors import UsageError

        try:
            return tuple(dict.fromkeys(map(Precision.requested, str(value).split(","))))
        except UsageError as error:
            self.fail(str(error), param, ctx)


_CONVERSION = (
    click.option(
        "--to",
        "--format",
        "to",
        default="tflite",
        help="What to export to: tflite (or litert), onnx, openvino (or ov), several with commas, or all.",
        **_DEFAULTS_SHOWN,
    ),
    click.option(
        "--int8",
        is_flag=True,
        help="Quantize to INT8: --precision w8a8, or w8a32 for transformers in TFLite.",
    ),
    click.option(
        "--precision",
        "precision",
        type=_Precisions(),
        help="Weights and activations: fp32, fp16 and w8a32 (weights alone), w8a8; several with commas.  "
        "[default: fp32]",
    ),
    click.option("--per-tensor", is_flag=True, help="One scale for each weight as a whole."),
    click.option(
        "--io",
        type=click.Choice(["float32", "int8", "uint8"]),
        default="float32",
        help="Type of an INT8 TFLite model's ends; float32 runs everywhere and costs next to nothing.",
        **_DEFAULTS_SHOWN,
    ),
)

_PREPROCESSING = (
    click.option(
        "--mean", type=_Three(), help="Mean of the pixels on the [0, 1] scale, for foreign weights."
    ),
    click.option("--std", type=_Three(), help="Their standard deviation, likewise."),
    click.option("--imgsz", type=int, help="Side of the network's input in pixels."),
    click.option("--resize", type=int, help="Shorter side of the picture before the centre is cut."),
)

_LABELS = (
    click.option(
        "--labels",
        type=click.Path(path_type=Path),
        help="Class names, one a line; an id may stand before each.",
    ),
)

_PICTURES = (
    click.option(
        "--calib",
        type=click.Path(path_type=Path),
        help="Folder of pictures to calibrate with.  [default: generated dead leaves]",
    ),
    click.option("--calib-count", type=int, help="How many of them.  [default: up to 128]"),
    click.option(
        "--seed", type=int, default=0, help="Draws and generates calibration pictures.", **_DEFAULTS_SHOWN
    ),
    click.option(
        "--data", type=click.Path(path_type=Path), help="Labelled folders to verify the accuracy drop with."
    ),
    click.option(
        "--eval-count",
        type=click.IntRange(min=12),
        default=1200,
        help="Generated pictures to verify bundled weights with.",
        **_DEFAULTS_SHOWN,
    ),
)

_GATES = (
    click.option(
        "--max-drop",
        type=click.FloatRange(0, 100),
        default=1.0,
        help="Largest loss of top-1 accuracy, in percentage points.",
        show_default=True,
    ),
    click.option(
        "--min-agreement",
        type=click.FloatRange(0, 1),
        default=0.75,
        help="Smallest top-1 agreement with the float model, where there are no labels.",
        show_default=True,
    ),
    click.option("--strict", is_flag=True, help="Fail also where the pictures are too few to decide."),
)
_OUTCOME = (
    click.option(
        "--recover/--no-recover",
        default=True,
        help="Look for a cure where INT8 loses too much: other ranges, layers in float, w8a32.",
        **_DEFAULTS_SHOWN,
    ),
    click.option(
        "--recover-budget",
        type=click.FloatRange(min=0),
        default=300.0,
        metavar="SECONDS",
        help="Begin nothing new in that search after so long.",
        **_DEFAULTS_SHOWN,
    ),
    click.option(
        "--max-latency",
        type=click.FloatRange(min=0, min_open=True),
        metavar="MS",
        help="Fail where one picture takes more CPU time here.",
    ),
    click.option(
        "--require-speedup",
        type=click.FloatRange(min=0, min_open=True),
        metavar="RATIO",
        help="Fail where a smaller model is not so many times as fast as float here.",
    ),
    click.option("--force", is_flag=True, help="Write the bundle even if the accuracy gate fails."),
    click.option("--overwrite", is_flag=True, help="Replace a bundle that was made from another model."),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="The bundle's folder, or that of several bundles.  [default: dist/NAME-TARGET-PRECISION]",
    ),
)

_OUTPUT = (
    click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document on stdout."),
    click.option("-q", "--quiet", is_flag=True, help="Do not show stages and notices."),
    click.option("-v", "--verbose", is_flag=True, help="Show what the libraries print."),
)


def conversion(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what is made: targets, precisions, and how INT8 is."""
    return _added(_CONVERSION, command)


def preprocessing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how the network takes its pictures."""
    return _added(_PREPROCESSING, command)


def labels(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option of what the network calls its classes."""
    return _added(_LABELS, command)


def pictures(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of pictures to calibrate with and to judge by."""
    return _added(_PICTURES, command)


def limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the accuracy gate."""
    return _added(_GATES, command)


def outcome(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of recovery, of the latency gate, and of what is written and shown."""
    return _added(_OUTCOME, command)


def output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what is printed: `as_json`, `quiet` and `verbose`, which `terminal` takes."""
    return _added(_OUTPUT, command)


def _added(options: tuple[_Decorator, ...], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command
