"""What weights and activations are. Needs no torch."""

from enum import StrEnum
from typing import Self

from ..models.errors import unknown

_WORDS = {
    "fp32": "float",
    "fp16": "FP16",
    "w8a32": "INT8 weights",
    "w8a8": "INT8",
    "w8a8-mixed": "mixed INT8",
}


# What other tools call them.
_MEANT = {
    "int8": "w8a8 (or --int8)",
    "i8": "w8a8 (or --int8)",
    "uint8": "w8a8 (or --int8)",
    "dynamic": "w8a32",
    "w8": "w8a32",
    "float": "fp32",
    "float32": "fp32",
    "f32": "fp32",
    "float16": "fp16",
    "half": "fp16",
    "f16": "fp16",
    "bf16": "fp16",
}


class Precision(StrEnum):
    """The types of weights and activations. As a string it is its name in files and on the command line."""

    FP32 = "fp32"  # float
    FP16 = "fp16"  # weights in half precision
    W8A32 = "w8a32"  # weights in INT8
    W8A8 = "w8a8"  # both in INT8, with static scales
    MIXED = "w8a8-mixed"  # the same, except for layers that stay in float

    @property
    def integer(self) -> bool:
        """Whether activations are INT8, so that the arithmetic is integer and calibration matters."""
        return self in {Precision.W8A8, Precision.MIXED}

    @property
    def quantized(self) -> bool:
        """Whether weights are INT8."""
        return self.integer or self is Precision.W8A32

    @property
    def requestable(self) -> bool:
        """Whether it can be asked for; `MIXED` is what a quantizer or recovery makes of `W8A8`."""
        return self is not Precision.MIXED

    @property
    def words(self) -> str:
        """What a sentence calls it: 'INT8 weights'."""
        return _WORDS[self.value]

    @classmethod
    def named(cls, name: str) -> Self | None:
        """The member of that name, None where there is none: files of other programs know more."""
        return next((member for member in cls if member.value == name), None)

    @classmethod
    def requested(cls, name: str) -> Self:
        """The member that a user asks for by its name.

        Raises:
            UsageError: there is no such precision, or it cannot be asked for.
        """
        found = cls.named(name.strip().lower())
        if found is None or not found.requestable:
            known = [member.value for member in cls if member.requestable]
            raise unknown("precision", name, known, _MEANT.get(name.strip().lower()))
        return found
