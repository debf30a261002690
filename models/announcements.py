"""Notices about weights that were chosen, or interpreted, by default: one line each."""

from typing import Any

from .overrides import Overrides
from .spec import ModelSpec
from .zoo import Architecture

_SETTLING = ("imgsz", "resize", "mean", "std")


def assumptions(
    spec: ModelSpec, way: str, overrides: Overrides, settling: tuple[str, ...] = _SETTLING
) -> list[str]:
    """Notices for a file without metadata, whose preprocessing is assumed to be `way`.

    `settling` are the options which, given together, leave nothing to assume.
    """
    lines, file = [], spec.origin.description
    memory = spec.origin.source == "memory"  # given from Python, which has keywords and no flags
    if None in [getattr(overrides, option) for option in settling]:
        lines.append(
            f"{file} does not define its preprocessing: assuming {way} ({spec.preprocess.text}); "
            f"change it with {', '.join(option if memory else f'--{option}' for option in settling)}"
        )
    if overrides.labels is None:
        known = "the ImageNet classes" if spec.labels.ids else f"'class 0' to {spec.labels.names[-1]!r}"
        lines.append(
            f"{file} does not name its {len(spec.labels)} classes: assuming {known}; "
            f"name them with {'labels' if memory else '--labels FILE'}"
        )
    return lines


def logits(spec: ModelSpec, outputs: int, step: str | None) -> list[str]:
    """Notices about what a network returns: without its final `step`, and a single output's meaning."""
    lines, what = [], spec.origin.description
    if step:
        lines.append(f"{what} ends in a {step}: removing it, so that the exported model returns logits")
    if outputs == 1:
        negative, positive = spec.labels.names
        lines.append(
            f"{what} has one output: taking it as a logit, positive for {positive!r} and negative for "
            f"{negative!r}"
        )
    return lines


def fallback(
    architecture: Architecture, spec: ModelSpec, record: dict[str, Any] | None, alternatives: str
) -> str:
    """Notice that the bundled checkpoint replaces the ImageNet weights; `alternatives` names real ones."""
    score = f", top-1 {record['top1']:.1%} on {record['judged_on']}" if record else ""
    return (
        f"The ImageNet weights of {architecture.title} are not cached and their server cannot be reached. "
        f"Using the bundled checkpoint, which was not trained on photographs: {spec.origin.description}, "
        f"{len(spec.labels)} classes{score}. To use other weights, pass --weights imagenet or --weights PATH"
        f"; {alternatives}"
    )


def made(spec: ModelSpec) -> str:
    """Notice about weights that were not loaded from a file."""
    if spec.origin.source == "random":
        return f"{spec.name} has random weights: its size and speed are meaningful, its predictions are not"
    return (
        f"{spec.name} uses the weights that {spec.origin.description} returns ({len(spec.labels)} "
        f"classes, {spec.preprocess.text}); if it loads none, they are random: pass --weights PATH"
    )
