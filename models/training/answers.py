"""What a network answers to the validation pictures, one row for each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValidationAnswer:
    """A validation picture, its class, and the network's answer with its probability from 0 to 1."""

    picture: str
    label: str
    answer: str
    probability: float

    @property
    def right(self) -> bool:
        """Whether the answer is the picture's class."""
        return self.answer == self.label
