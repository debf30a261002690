"""Options that several commands share."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeAlias

import click

from .choices import Listed, precisions, processors, targets
from .groups import in_group

_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

_PATH = click.Path(path_type=Path)

# All filters of Pillow; the module that has them would slow down --help.
INTERPOLATIONS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
EFFORTS = ("fast", "default", "best")  # of `quantize/recipe.py`, for the same reason

_conversion = in_group("Conversion")
_network = in_group("Network")
_pictures = in_group("Calibration and evaluation")
_gates = in_group("Gates")
_recovery = in_group("Recovery")
_bundles = in_group("Bundles")


class _PerChannel(click.ParamType["tuple[float, ...]"]):
    """One number for all channels, or three separated by commas."""

    name = "R,G,B"
    separator = ","

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        try:
            numbers = [float(part) for part in str(value).split(",")]
        except ValueError:
            numbers = []
        if len(numbers) not in {1, 3}:
            self.fail(f"{value!r} is neither one number nor three like 0.485,0.456,0.406", param, ctx)
        return tuple(numbers)


class SizeType(click.ParamType["int | tuple[int, int] | str"]):
    """The side of a square in pixels, or HEIGHTxWIDTH; or one of the words."""

    name = "PIXELS"
    separator = "x"

    def __init__(self, *words: str) -> None:
        self._words = words

    def convert(self, value: Any, param: Any, ctx: Any) -> int | tuple[int, int] | str:
        """One number, or a pair."""
        text = str(value).strip().lower()
        if text in self._words:
            return text
        sides = [int(part) for part in text.split("x") if part.isascii() and part.isdigit()]
        if len(sides) != text.count("x") + 1 or len(sides) > 2 or 0 in sides:
            ways = "".join(f" nor {word}" for word in self._words)
            self.fail(f"{value!r} is neither a side like 224 nor HEIGHTxWIDTH like 32x96{ways}", param, ctx)
        return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def jobs(option: Callable[..., _Decorator]) -> _Decorator:
    """The option of how many processes answer pictures, made by `option`, which puts it into a group."""
    return option(
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Largest number of processes that answer pictures, where there are so many that more than one "
        "saves time. The figures do not depend on it.",
        show_default="all cores",
    )


def on_ray(option: Callable[..., _Decorator]) -> _Decorator:
    """The options of work on a cluster, made by `option`, which puts them into a group."""
    given = (
        option(
            "--ray",
            metavar="ADDRESS",
            help="Work on the Ray cluster at this HOST:PORT, or auto, of which this machine is a node. All "
            "nodes need the same installation and see the same files.",
        ),
        option(
            "--ray-cpus",
            type=click.IntRange(min=1),
            metavar="N",
            default=1,
            help="CPUs of a node that each task on the cluster is given.",
        ),
        option(
            "--ray-memory",
            type=click.FloatRange(min=0),
            metavar="GB",
            default=4.0,
            help="Memory of a node that each task on the cluster is given.",
        ),
    )
    return lambda command: reduce(lambda made, one: one(made), reversed(given), command)


_CONVERSION = (
    _conversion(
        "--to",
        "--format",
        "to",
        type=Listed("TARGETS", targets),
        default="tflite",
        help="Export to tflite (or litert), onnx, openvino (or ov), several of them separated by commas, or "
        "all.",
    ),
    _conversion(
        "--int8",
        is_flag=True,
        help="Quantize to INT8: w8a8, or w8a32 where the target has no fast INT8 form of the network.",
    ),
    _conversion(
        "--precision",
        type=Listed("PRECISIONS", precisions),
        help="Export in fp32, fp16, w8a32 (INT8 weights) or w8a8 (INT8 weights and activations); several are "
        "separated by commas.",
        show_default="fp32",
    ),
    _conversion(
        "--for",
        "processors",
        type=Listed("PROCESSORS", processors),
        default="any",
        help="Make INT8 models for any processor, for that of this host, or for some of arm64, x86-vnni, "
        "x86-avx2, pi4, pi5 and android, separated by commas.",
    ),
    _conversion(
        "--per-tensor", is_flag=True, help="Give each weight one scale instead of one per output channel."
    ),
    _conversion(
        "--io",
        type=click.Choice(["float32", "int8", "uint8"]),
        default="float32",
        help="Type of the inputs and outputs of an INT8 TFLite model. float32 runs everywhere and costs "
        "almost nothing.",
    ),
    _conversion(
        "--effort",
        type=click.Choice(EFFORTS),
        default="default",
        help="How much time INT8 models may take to make; their size and speed stay the same. fast "
        "calibrates with 32 pictures and leaves out --stability. best learns the rounding of weights and the "
        "ranges of activations from the photographs of --calib.",
    ),
)

_NORMALISING = (
    _network(
        "--mean",
        type=_PerChannel(),
        help="Mean of the pixels on the [0, 1] scale, one number or three, for weights that do not record "
        "it.",
    ),
    _network("--std", type=_PerChannel(), help="Standard deviation of the pixels, in the same form."),
)

_PREPROCESSING = (
    *_NORMALISING,
    _network(
        "--imgsz",
        type=SizeType(),
        metavar="PIXELS",
        help="Size of the network's input: the side of a square, as 224, or HEIGHTxWIDTH, as 32x96.",
    ),
    _network(
        "--resize",
        type=SizeType("squash"),
        metavar="PIXELS",
        help="Resize a picture before its centre is cropped: its shorter side, as 256, or to HEIGHTxWIDTH "
        "whatever its proportions; squash resizes to the size of the input.",
    ),
    _network(
        "--channels",
        type=click.Choice([3, 1]),
        help="Channels of the network's input: 3 for RGB, 1 for grey.",
        show_default="what the network takes",
    ),
    _network(
        "--interpolation",
        type=click.Choice(INTERPOLATIONS),
        help="Filter that resizes pictures.",
        show_default="that of the weights, or bilinear",
    ),
)

_LABELS = (
    _network(
        "--labels",
        type=_PATH,
        metavar="FILE",
        help="Text file with one class name per line, in the order of the network's outputs. A WordNet id "
        "may precede each name.",
    ),
)

_PICTURES = (
    _pictures(
        "--calib",
        type=_PATH,
        metavar="DIR",
        help="Folder of pictures to calibrate with.",
        show_default="generated pictures",
    ),
    _pictures(
        "--calib-count",
        type=click.IntRange(min=8),
        metavar="N",
        help="Number of calibration pictures.",
        show_default="up to 128",
    ),
    _pictures(
        "--data",
        type=_PATH,
        metavar="DIR",
        help="Labelled pictures, a folder for each class, to measure the accuracy drop with.",
    ),
    _pictures(
        "--eval-count",
        type=click.IntRange(min=12),
        metavar="N",
        default=1200,
        help="Number of generated pictures to evaluate bundled weights with.",
    ),
    _pictures(
        "--seed",
        type=int,
        metavar="N",
        default=0,
        help="Seed for drawing or generating calibration pictures.",
    ),
    _pictures(
        "--stability/--no-stability",
        default=None,
        help="Report how far INT8 models differ that are calibrated with either half of the pictures.",
        show_default="with --calib",
    ),
    jobs(_pictures),
)

_LIMITS = (
    _gates(
        "--max-drop",
        type=click.FloatRange(0, 100),
        metavar="POINTS",
        default=1.0,
        help="Fail if top-1 accuracy drops by more percentage points, measured on labelled pictures or "
        "estimated on photographs without labels.",
    ),
    _gates(
        "--min-agreement",
        type=click.FloatRange(0, 1),
        metavar="FRACTION",
        default=0.75,
        help="Fail if fewer top-1 answers agree with the float model. Applies where there are no labels.",
    ),
    _gates(
        "--min-top1",
        type=click.FloatRange(0, 100),
        metavar="PERCENT",
        help="Fail if the exported model's own top-1 accuracy is lower. Needs labelled pictures.",
    ),
    _gates(
        "--strict",
        is_flag=True,
        help="Fail also if there are too few pictures to decide, or if they cannot prove an accuracy.",
    ),
)

_SPEED = (
    _gates(
        "--max-latency",
        type=click.FloatRange(min=0, min_open=True),
        metavar="MS",
        help="Fail if one picture takes more CPU time of one thread on this machine; other programs, which "
        "lengthen the time on the clock, do not count.",
    ),
    _gates(
        "--require-speedup",
        type=click.FloatRange(min=0, min_open=True),
        metavar="RATIO",
        help="Fail if a smaller model is not this many times as fast as float on this machine.",
    ),
)

_OUTCOME = (
    _recovery(
        "--recover/--no-recover",
        default=True,
        help="Try other forms if INT8 loses too much: other ranges, layers in float, w8a32.",
    ),
    _recovery(
        "--recover-budget",
        type=click.FloatRange(min=0),
        default=300.0,
        metavar="SECONDS",
        help="Start no further attempt after this time.",
    ),
    _bundles(
        "--out",
        type=_PATH,
        metavar="DIR",
        help="Folder of the bundle, or the folder to hold several bundles.",
        show_default="dist/NAME-TARGET-PRECISION",
    ),
    _bundles(
        "--overwrite", is_flag=True, help="Replace a bundle that was made from other weights or classes."
    ),
    _bundles(
        "--report/--no-report",
        default=True,
        help="Write report.html, predictions.csv, a model card and run.py into the bundle; for a model that "
        "fails a gate, a report beside it, NAME-TARGET-PRECISION.failed.html.",
    ),
    _bundles(
        "--thumbnails/--no-thumbnails",
        default=True,
        help="Show pictures whose answer changed in report.html.",
    ),
    _bundles(
        "--pipeline",
        type=_PATH,
        metavar="FILE",
        help="Store this pipeline file in the bundle; `edgewise run` does so.",
    ),
    _bundles("--force", is_flag=True, help="Write a bundle even if it fails the accuracy gate."),
    _bundles(
        "--all-or-nothing",
        is_flag=True,
        help="Write no bundle unless every target and precision passes; end at the first failure.",
    ),
)

_OUTPUT = (
    click.option(
        "--json", "as_json", is_flag=True, help="Print the result, or the error, as one JSON document."
    ),
    click.option("-q", "--quiet", is_flag=True, help="Do not show progress and notices."),
    click.option("-v", "--verbose", is_flag=True, help="Show what the libraries print."),
)


def conversion(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what is made: targets, precisions, and how INT8 is."""
    return _added(_CONVERSION, command)


def preprocessing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how the network takes its pictures."""
    return _added(_PREPROCESSING, command)


def normalising(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how pixels become the network's input."""
    return _added(_NORMALISING, command)


def labels(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option of what the network calls its classes."""
    return _added(_LABELS, command)


def pictures(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of pictures to calibrate with and to judge by."""
    return _added(_PICTURES, command)


def limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the accuracy gate."""
    return _added(_LIMITS, command)


def speed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the latency gate."""
    return _added(_SPEED, command)


def outcome(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of recovery and of what is written."""
    return _added(_OUTCOME, command)


def output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what is printed: `as_json`, `quiet` and `verbose`, which `terminal` takes."""
    return _added(_OUTPUT, command)


def _added(options: tuple[_Decorator, ...], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command
