"""The structure of a model file, read back from the file and from the engine that runs it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from ..export.precision import Precision
from ..models.errors import EdgewiseError

# The precision of a file whose arithmetic is float, by the type of most of its stored values.
_STORED = {
    "float32": Precision.FP32,
    "float16": Precision.FP16,
    "int8": Precision.W8A32,
    "uint8": Precision.W8A32,
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output; integers represent (value - zero_point) * scale. -1 is a dynamic dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """Operators of one `type`, as named by the format or engine, and one arithmetic.

    `arithmetic` is the type that it computes in, such as 'int8' or 'float32', or 'cast' if it only converts.
    `layer` is true for types with weights: convolutions and matrix products.
    """

    type: str
    arithmetic: str
    layer: bool
    count: int


@dataclass(frozen=True, slots=True)
class Overflow:
    """A layer in which INT8 products can exceed 16 bits on x86 without VNNI, with some activations.

    `pairs` counts the pairs of its weights whose products can; `largest` is the largest sum of a pair. Both
    are None if the weights cannot be read from the file.
    """

    layer: str
    pairs: int | None
    largest: int | None


@dataclass(frozen=True, slots=True)
class Structure:
    """A model file as its engine runs it here.

    `weights` counts the values of constants in the file by type. `macs` are multiply-accumulate operations
    for one picture. `partitions` is the number of partitions that a delegate runs, and `whole` is true if a
    single one spans the model; both are None if the engine has no delegates. `output_step` is the size of one
    step (LSB) of the last INT8 tensor, None if it is float. `metadata` is the file's own metadata. `overflow`
    are the layers that x86 without VNNI may compute differently: without any, INT8 is the same everywhere.
    """

    operators: tuple[Operator, ...]
    weights: dict[str, int]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    size_bytes: int
    macs: int | None = None
    partitions: int | None = None
    whole: bool | None = None
    output_step: float | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    overflow: tuple[Overflow, ...] = ()

    @property
    def precision(self) -> Precision | str:
        """The precision by arithmetic and weights, or the name of another scheme, such as 'w8a16'."""
        return Precision.named(self._scheme) or self._scheme

    @property
    def integer(self) -> bool:
        """Whether layers compute in INT8 with static scales."""
        found = Precision.named(self._scheme)
        return found is not None and found.integer

    @property
    def stores_integers(self) -> bool:
        """Whether most of the values in the file are INT8, whatever the engine makes of them here."""
        return self._stored in {"int8", "uint8"}

    @property
    def _scheme(self) -> str:
        layers = {operator.arithmetic for operator in self.operators if operator.layer}
        integer = sorted(layers & {"int8", "int16"}, key=lambda name: int(name.removeprefix("int")))
        if integer:
            scheme = f"w8a{integer[0].removeprefix('int')}"
            return scheme if layers <= {integer[0]} else f"{scheme}-mixed"
        return _STORED.get(self._stored, self._stored)

    @property
    def _stored(self) -> str:
        """The type of most of the values in the file."""
        return max(self.weights, key=lambda name: self.weights[name], default="float32")

    @property
    def islands(self) -> dict[str, int]:
        """Operators without weights that compute in float, by type; relevant in an INT8 file."""
        return self._floats(layer=False)

    @property
    def float_layers(self) -> int:
        """The number of layers that compute in float."""
        return sum(self._floats(layer=True).values())

    def require(self, precision: str) -> None:
        """Raise an `EdgewiseError` if the file does not have this precision."""
        if self.precision != precision:
            raise EdgewiseError(
                f"the file should be {precision} but is {self.precision} ({self.float_layers} layers in "
                f"float, stored values by type: {self.weights}); export with another --precision"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest or a report."""
        return asdict(self) | {"precision": self._scheme, "islands": self.islands}

    def _floats(self, *, layer: bool) -> dict[str, int]:
        kinds = (op for op in self.operators if op.layer == layer and op.arithmetic.startswith("float"))
        return {op.type: op.count for op in kinds}
