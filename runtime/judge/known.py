"""What is known of a model before it is judged: its classes, and how good its weights should be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """The top-1 accuracy, in [0, 1], that weights are said to have, and who says so."""

    top1: float
    source: str


@dataclass(frozen=True, slots=True)
class Known:
    """The names of the classes in the order of the outputs, and the claim of the weights, if any.

    `readings` are sentences about other ways to read labels or pictures, which suit the float model better.
    """

    names: tuple[str, ...] = ()
    claim: Claim | None = None
    readings: tuple[str, ...] = ()

    def name(self, index: int) -> str:
        """The name of the class `index`, or its number if it has none."""
        return self.names[index] if index < len(self.names) else f"class {index}"
