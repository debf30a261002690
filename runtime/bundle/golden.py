"""The golden sample of a bundle: a picture with the expected results, so that a device can check itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.errors import EdgewiseError
from ...models.spec import ModelSpec, Tensor32


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """A picture and the expected results; `_bundle.py` documents each array."""

    image: NDArray[np.uint8]  # (H, W, 3), RGB
    input: Tensor32  # (1, H, W, C)
    logits: Tensor32  # (1, C), of a single logit z too: (0, z)
    output: Tensor32  # (1, C), likewise

    def check(self, spec: ModelSpec) -> None:
        """Raise an `EdgewiseError` unless types and shapes match `spec` and all numbers are finite."""
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise EdgewiseError(f"golden image: is {_looks(self.image)}, must be uint8 (H, W, 3)")
        classes = len(spec.labels)
        shapes = {"input": (1, *spec.preprocess.shape), "logits": (1, classes), "output": (1, classes)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.dtype != np.float32 or array.shape != shape:
                raise EdgewiseError(f"golden {name}: is {_looks(array)}, must be float32 {shape}")
            if not np.isfinite(array).all():
                raise EdgewiseError(f"golden {name}: contains NaN or infinity")


def _looks(array: NDArray[Any]) -> str:
    return f"{array.dtype} {array.shape}"
