"""What a report shows that no manifest holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...models.errors import EdgewiseError
from .predictions import Prediction


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Answers to single pictures, thumbnails by the names of pictures, and the command that makes a file.

    `refused` is the error for which the file was not written.
    """

    predictions: Sequence[Prediction] = ()
    thumbnails: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None
    refused: EdgewiseError | None = None
