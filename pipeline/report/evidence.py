"""What a report shows that no manifest holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...models.errors import EdgewiseError
from .predictions import Prediction

PIPELINE = "pipeline.toml"  # in a bundle, whatever it was called


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Answers to single pictures, thumbnails by the names of pictures, and the command that makes a file.

    `refused` is the error for which the file was not written. `has_pipeline` says that the bundle holds the
    pipeline file that made it.
    """

    predictions: Sequence[Prediction] = ()
    thumbnails: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None
    refused: EdgewiseError | None = None
    has_pipeline: bool = False

    def pipeline(self, manifest: Mapping[str, Any]) -> str | None:
        """The name of the pipeline file in the bundle, which is being written or has this manifest."""
        documents = manifest.get("documents")
        kept = self.has_pipeline or (isinstance(documents, Mapping) and PIPELINE in documents)
        return PIPELINE if kept and self.refused is None else None
