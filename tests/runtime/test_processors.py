"""Names of processors."""

import platform

import pytest

from edgewise.models.errors import UsageError
from edgewise.runtime import machine
from edgewise.runtime.processors import EVERY, Processor, chosen, listed, names, without_pairs

ARM, VNNI, AVX2 = Processor.ARM64, Processor.X86_VNNI, Processor.X86_AVX2


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("any", EVERY),
        ("pi4", (ARM,)),
        ("android,pi5", (ARM,)),
        (" X86-AVX2 , arm64", (ARM, AVX2)),
        (["x86-vnni"], (VNNI,)),
        ("any,pi5", EVERY),
    ],
)
def test_names_are_taken_apart(asked: str | list[str], expected: tuple[Processor, ...]) -> None:
    assert chosen(asked) == expected


def test_every_name_is_known_and_the_host_is_one_of_them() -> None:
    assert {processor for name in names() for processor in chosen(name)} == set(Processor)
    assert chosen("host") == (Processor.host(),)
    assert Processor.host().adds_pairs == machine.saturates()


@pytest.mark.parametrize(
    ("asked", "hint"), [("pi6", "pi5"), ("aarch64", "arm64"), ("avx2", "x86-avx2"), ("", "any")]
)
def test_an_unknown_name_gets_a_suggestion(asked: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        chosen(asked)


@pytest.mark.parametrize(("architecture", "expected"), [("aarch64", ARM), ("armv7l", ARM)])
def test_what_is_not_x86_computes_like_arm(
    monkeypatch: pytest.MonkeyPatch, architecture: str, expected: Processor
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: architecture)
    assert Processor.host() == expected


def test_only_x86_without_vnni_adds_pairs() -> None:
    assert without_pairs() == (ARM, VNNI)
    assert without_pairs([AVX2]) == ()
    assert listed(EVERY) == "Arm, x86 with VNNI and x86 without VNNI"
    assert listed([ARM]) == "Arm"
