"""What is said of weights that were chosen or understood without being told, one line each."""

from typing import Any

from ..overrides import Overrides
from ..spec import ModelSpec, Preprocess
from ..zoo import Architecture


def assumptions(spec: ModelSpec, library: str, overrides: Overrides) -> list[str]:
    """Of a file without a description."""
    lines, file = [], spec.origin.description
    whose = "the usual way" if library == "file" else f"{library}'s way for {spec.name}"
    if not overrides.settle_preprocessing:
        lines.append(
            f"{file} does not say how its pictures are made: taking {whose} "
            f"({_in_words(spec.preprocess)}); change it by --imgsz, --resize, --mean, --std"
        )
    if overrides.labels is None:
        known = "the classes of ImageNet" if spec.labels.ids else f"'class 0' to {spec.labels.names[-1]!r}"
        lines.append(
            f"{file} does not name its {len(spec.labels)} classes: taking {known}; name them by --labels FILE"
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
        f"classes, {_in_words(spec.preprocess)}); if it gives none, they are random: give --weights PATH"
    )


def _in_words(preprocess: Preprocess) -> str:
    mean, std = ("/".join(f"{value:g}" for value in values) for values in (preprocess.mean, preprocess.std))
    return f"resize {preprocess.resize}, cut {preprocess.size}, mean {mean}, std {std}"
