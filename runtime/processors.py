"""The processors that a file may run on, as far as INT8 arithmetic tells them apart. Needs no engine."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from ..models.errors import unknown
from .machine import is_x86, saturates


class Processor(StrEnum):
    """A kind of processor. As a string it is its name on the command line and in files."""

    ARM64 = "arm64"
    X86_VNNI = "x86-vnni"  # Intel since Ice Lake and Alder Lake, AMD since Zen 4
    X86_AVX2 = "x86-avx2"  # x86 without VNNI: AMD up to Zen 3, older ones of Intel

    @property
    def adds_pairs(self) -> bool:
        """Whether it adds pairs of INT8 products in 16 bits, in ONNX Runtime and OpenVINO."""
        return self is Processor.X86_AVX2

    @property
    def words(self) -> str:
        """What a sentence calls it."""
        return _WORDS[self]

    @classmethod
    def host(cls) -> Self:
        """The kind of this machine's processor; everything that is not x86 computes like Arm."""
        if not is_x86():
            return cls("arm64")
        return cls("x86-avx2" if saturates() else "x86-vnni")


_WORDS = {
    Processor.ARM64: "Arm",
    Processor.X86_VNNI: "x86 with VNNI",
    Processor.X86_AVX2: "x86 without VNNI",
}
EVERY = tuple(Processor)
_DEVICES = {
    "pi4": Processor.ARM64,
    "pi5": Processor.ARM64,
    "android": Processor.ARM64,
}
_MEANT = {  # what other tools and people call them
    "all": "any",
    "aarch64": "arm64",
    "arm": "arm64",
    "armv8": "arm64",
    "phone": "android",
    "raspberry-pi": "pi5",
    "pi": "pi5",
    "local": "host",
    "native": "host",
    "vnni": "x86-vnni",
    "avx512": "x86-vnni",
    "avx2": "x86-avx2",
    "x86": "any",
    "x86-64": "any",
    "x86_64": "any",
    "amd64": "any",
}


def names() -> tuple[str, ...]:
    """Everything that `chosen` takes."""
    return ("any", "host", *(processor.value for processor in Processor), *_DEVICES)


def chosen(asked: str | Iterable[str]) -> tuple[Processor, ...]:
    """The processors of one or more names, each once; a string has commas between them.

    Raises:
        UsageError: there is no such processor.
    """
    parts = asked.split(",") if isinstance(asked, str) else asked
    wanted = {processor for part in parts for processor in _named(part.strip().lower())}
    return tuple(processor for processor in Processor if processor in wanted)


def without_pairs(processors: Iterable[Processor] = EVERY) -> tuple[Processor, ...]:
    """Those of `processors` that add INT8 products in 32 bits."""
    return tuple(processor for processor in processors if not processor.adds_pairs)


def listed(processors: Iterable[Processor]) -> str:
    """What a sentence calls them: 'Arm and x86 with VNNI'."""
    *most, last = (processor.words for processor in processors)
    return f"{', '.join(most)} and {last}" if most else last


def _named(name: str) -> tuple[Processor, ...]:
    if name == "any":
        return EVERY
    if name == "host":
        return (Processor.host(),)
    if name in _DEVICES:
        return (_DEVICES[name],)
    if name not in [*Processor]:
        raise unknown("processor", name, names(), _MEANT.get(name))
    return (Processor(name),)
