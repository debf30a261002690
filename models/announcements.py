"""What is said of weights that were chosen or understood without being told, one line each."""

from typing import Any

from .overrides import Overrides
from .spec import ModelSpec
from .zoo import Architecture

_SETTLING = ("imgsz", "resize", "mean", "std")


def assumptions(
    spec: ModelSpec, way: str, overrides: Overrides, settling: tuple[str, ...] = _SETTLING
) -> list[str]:
    """Of a file without a description, whose pictures are taken to be made in a `way`, 'the usual way' say.

    `settling` are the options that leave nothing of that open.
    """
    lines, file = [], spec.origin.description
    memory = spec.origin.source == "memory"  # a program has keywords, not flags
    if None in [getattr(overrides, option) for option in settling]:
        lines.append(
            f"{file} does not say how its pictures are made: taking {way} ({spec.preprocess.text}); "
            f"change it by {', '.join(option if memory else f'--{option}' for option in settling)}"
        )
    if overrides.labels is None:
        known = "the classes of ImageNet" if spec.labels.ids else f"'class 0' to {spec.labels.names[-1]!r}"
        lines.append(
            f"{file} does not name its {len(spec.labels)} classes: taking {known}; "
            f"name them by {'labels' if memory else '--labels FILE'}"
        )
    return lines


def fallback(architecture: Architecture, spec: ModelSpec, record: dict[str, Any] | None) -> str:
    """Of the bundled checkpoint in place of ImageNet's weights."""
    score = f", top-1 {record['top1']:.1%} on {record['judged_on']}" if record else ""
    return (
        f"The ImageNet weights of {architecture.title} are neither cached nor within reach. Taking the "
        f"bundled checkpoint, which knows no photographs: {spec.origin.description}, "
        f"{len(spec.labels)} classes{score}. To insist, give --weights imagenet or --weights PATH"
    )


def made(spec: ModelSpec) -> str:
    """Of weights that come from no file."""
    if spec.origin.source == "random":
        return f"{spec.name} has random weights: its answers mean nothing, its size and speed do"
    return (
        f"{spec.name} is taken with the weights that {spec.origin.description} gives it ({len(spec.labels)} "
        f"classes, {spec.preprocess.text}); if it gives none, they are random: give --weights PATH"
    )
