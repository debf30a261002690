"""The recovery ladder: what to try, one rung after the other, when an INT8 file loses too much.

Cheapest first, where the price is paid by whoever runs the file. The first rungs change how the file is made
and cost it nothing: no byte, no microsecond. Layers in float cost size and time, and as every border between
INT8 and float costs a conversion too, few come before many; more than a quarter are hardly INT8 any more.
INT8 weights alone keep the accuracy and most of the size, but not the speed: they come last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .recipe import Recipe

_OTHER_RANGES = {"min-max": "mean-min-max", "mean-min-max": "min-max"}
_LAYERS_FOR_ONE = 4  # a quarter may stay in float


@dataclass(frozen=True, slots=True)
class Rung:
    """One thing to try, and its name in a table."""

    title: str
    recipe: Recipe


def variants(recipe: Recipe, *, refines: bool = True) -> Iterator[Rung]:
    """First: files of the same size and speed. Each thing that can be done or left, the other way round.

    Without `refines` the network itself cannot be prepared, and there is but one such thing.
    """
    ranges = _OTHER_RANGES[recipe.ranges]
    yield Rung(f"{ranges} ranges", replace(recipe, ranges=ranges))
    if not refines:
        return
    yield Rung(_toggled(recipe.equalize, "equalization"), replace(recipe, equalize=not recipe.equalize))
    yield Rung(_toggled(recipe.correct, "bias correction"), replace(recipe, correct=not recipe.correct))


def in_float(recipe: Recipe, layers: Sequence[str]) -> Iterator[Rung]:
    """Then the worst 1, 2, 4, 8, ... of `layers` in float, beside those that `recipe` has there."""
    worst = [name for name in layers if name not in recipe.float_layers]
    count = 1
    while len(recipe.float_layers) + count <= len(layers) // _LAYERS_FOR_ONE:
        title = "worst layer in float" if count == 1 else f"worst {count} layers in float"
        yield Rung(title, replace(recipe, float_layers=(*recipe.float_layers, *worst[:count])))
        count *= 2


def weights_alone(recipe: Recipe) -> Rung:
    """The last resort."""
    return Rung("weights alone (w8a32)", recipe.weights_alone())


def _toggled(done: bool, step: str) -> str:
    return f"{'without' if done else 'with'} {step}"
