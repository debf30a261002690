"""The recovery ladder: the forms to try when an INT8 file loses too much accuracy.

By their cost at inference, other ranges and other refinement come first, learned rounding among them: they
only change how the file is made, and cost neither size nor speed. Layers in float cost both, and every
boundary between INT8 and float adds a conversion, so few layers are tried before many; with more than a
quarter in float, the model is hardly INT8 any more. INT8 weights with float activations keep the accuracy and
most of the size reduction, but not the speed, so they come last. `diagnosis.py` puts first what the figures
of the failed file blame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .diagnosis import LAYERS_FOR_ONE, Cure, Part
from .recipe import Recipe

_OTHER_RANGES = {"min-max": "mean-min-max", "mean-min-max": "min-max", "least-error": "min-max"}


@dataclass(frozen=True, slots=True)
class Rung:
    """One recipe to try, its title in a table, and why it is tried."""

    title: str
    recipe: Recipe
    reason: str = ""


def rungs(part: Part, recipe: Recipe, best: Recipe, layers: Sequence[str]) -> Iterator[Rung]:
    """The rungs of one part of the ladder, cheapest first.

    Ranges and refinement change `recipe`; the others stand on the `best` recipe so far, whose `layers` come
    worst first.
    """
    found = {
        Cure.NO_OVERFLOW: lambda: iter([no_overflow(recipe)]),
        Cure.RANGES: lambda: iter([other_ranges(recipe)]),
        Cure.ROUNDING: lambda: iter([learned_rounding(recipe)]),
        Cure.REFINEMENT: lambda: other_refinement(recipe),
        Cure.FLOAT_LAYERS: lambda: in_float(best, layers),
        Cure.WEIGHTS_ALONE: lambda: iter([weights_alone(best)]),
    }
    for rung in found[part.step]():
        yield replace(rung, reason=part.reason)


def no_overflow(recipe: Recipe) -> Rung:
    """Weights rounded so that no pair of products exceeds 16 bits."""
    return Rung(Cure.NO_OVERFLOW, replace(recipe, no_overflow=True))


def other_ranges(recipe: Recipe) -> Rung:
    """The other way to measure the ranges of activations."""
    ranges = _OTHER_RANGES[recipe.ranges]
    return Rung(f"{ranges} ranges", replace(recipe, ranges=ranges))


def learned_rounding(recipe: Recipe) -> Rung:
    """Weights rounded by what they do to the output of their layer."""
    return Rung(Cure.ROUNDING, replace(recipe, learn=True))


def other_refinement(recipe: Recipe) -> Iterator[Rung]:
    """Each step of the refinement switched, one at a time."""
    yield Rung(_toggled(recipe.equalize, "equalization"), replace(recipe, equalize=not recipe.equalize))
    yield Rung(_toggled(recipe.correct, "bias correction"), replace(recipe, correct=not recipe.correct))


def in_float(recipe: Recipe, layers: Sequence[str]) -> Iterator[Rung]:
    """The worst 1, 2, 4, 8, ... of `layers` in float, in addition to those of `recipe`."""
    worst = [name for name in layers if name not in recipe.float_layers]
    count = 1
    while len(recipe.float_layers) + count <= len(layers) // LAYERS_FOR_ONE:
        title = "worst layer in float" if count == 1 else f"worst {count} layers in float"
        yield Rung(title, replace(recipe, float_layers=(*recipe.float_layers, *worst[:count])))
        count *= 2


def weights_alone(recipe: Recipe) -> Rung:
    """INT8 weights with float activations."""
    return Rung("INT8 weights only (w8a32)", recipe.weights_alone())


def _toggled(done: bool, step: str) -> str:
    return f"{'without' if done else 'with'} {step}"
