"""The recovery ladder: what to try, in order, when an INT8 file loses too much accuracy.

The rungs are ordered by their cost at inference. The first only change how the file is made, and cost neither
size nor speed. Layers in float cost both, and every boundary between INT8 and float adds a conversion, so few
layers are tried before many; with more than a quarter in float, the model is hardly INT8 any more. INT8
weights with float activations keep the accuracy and most of the size reduction, but not the speed, so they
come last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .recipe import Recipe

_OTHER_RANGES = {"min-max": "mean-min-max", "mean-min-max": "min-max"}
_LAYERS_FOR_ONE = 4  # a quarter may stay in float


@dataclass(frozen=True, slots=True)
class Rung:
    """One recipe to try, and its title in a table."""

    title: str
    recipe: Recipe


def variants(recipe: Recipe, *, refines: bool = True) -> Iterator[Rung]:
    """First, files of the same size and speed: each option of `recipe` switched, one at a time.

    Without `refines` the network itself cannot be changed, so the ranges are the only such option.
    """
    ranges = _OTHER_RANGES[recipe.ranges]
    yield Rung(f"{ranges} ranges", replace(recipe, ranges=ranges))
    if not refines:
        return
    yield Rung(_toggled(recipe.equalize, "equalization"), replace(recipe, equalize=not recipe.equalize))
    yield Rung(_toggled(recipe.correct, "bias correction"), replace(recipe, correct=not recipe.correct))


def in_float(recipe: Recipe, layers: Sequence[str]) -> Iterator[Rung]:
    """Then the worst 1, 2, 4, 8, ... of `layers` in float, in addition to those of `recipe`."""
    worst = [name for name in layers if name not in recipe.float_layers]
    count = 1
    while len(recipe.float_layers) + count <= len(layers) // _LAYERS_FOR_ONE:
        title = "worst layer in float" if count == 1 else f"worst {count} layers in float"
        yield Rung(title, replace(recipe, float_layers=(*recipe.float_layers, *worst[:count])))
        count *= 2


def weights_alone(recipe: Recipe) -> Rung:
    """Last, INT8 weights with float activations."""
    return Rung("INT8 weights only (w8a32)", recipe.weights_alone())


def _toggled(done: bool, step: str) -> str:
    return f"{'without' if done else 'with'} {step}"
