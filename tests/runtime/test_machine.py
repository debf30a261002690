"""The description of a machine, and what follows from it for INT8."""

import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewise.runtime import machine

Pretend = Callable[[str, str], None]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pretend:
    """Pretend to be a Linux machine of another architecture with this /proc/cpuinfo."""

    def pretend(architecture: str, cpuinfo: str) -> None:
        file = tmp_path / "cpuinfo"
        file.write_text(cpuinfo)
        monkeypatch.setattr(machine, "_CPUINFO", file)
        monkeypatch.setattr(platform, "machine", lambda: architecture)

    return pretend


@pytest.mark.parametrize(
    ("architecture", "cpuinfo", "isa", "saturates"),
    [
        ("x86_64", "flags\t: fpu avx avx2 fma\n", "x86_64 avx2", True),
        ("x86_64", "flags\t: avx2 avx512f avx512bw\n", "x86_64 avx512f", True),
        ("x86_64", "flags\t: avx2 avx512f avx512_vnni\n", "x86_64 avx512_vnni", False),
        ("x86_64", "flags\t: amx_int8 avx2 avx512_vnni\n", "x86_64 avx512_vnni amx_int8", False),
        ("AMD64", "flags\t: avx2 avx_vnni\n", "AMD64 avx_vnni", False),
        ("x86_64", "flags\t: fpu sse2\n", "x86_64", True),
        ("x86_64", "", "x86_64", True),  # unknown extensions
        ("aarch64", "Features\t: fp asimd\n", "aarch64 asimd", False),
        ("aarch64", "Features\t: fp asimd asimddp i8mm sve\n", "aarch64 asimddp i8mm", False),
        ("arm64", "", "arm64", False),
    ],
)
def test_int8_saturates_on_x86_without_vnni(
    pretend: Pretend, architecture: str, cpuinfo: str, isa: str, saturates: bool
) -> None:
    pretend(architecture, cpuinfo)
    assert (machine.isa(), machine.saturates()) == (isa, saturates)


def test_the_first_processor_is_described(pretend: Pretend) -> None:
    pretend("x86_64", "model name\t: One: first\nflags\t: avx2\n\nmodel name\t: Two\nflags\t: avx_vnni\n")
    found = machine.describe()
    assert (found["processor"], found["extensions"]) == ("One: first", ["avx2"])


def test_this_machine_has_the_facts_that_records_need() -> None:
    found = machine.describe()
    assert found["architecture"] == platform.machine()
    assert (found["isa"], found["saturates"]) == (machine.isa(), machine.saturates())
    assert 1 <= found["cores"] <= (os.cpu_count() or 1)
    assert found["memory_bytes"] > 2**28
    assert json.loads(json.dumps(found)) == found


def test_unknown_facts_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "absent")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.delattr(os, "sysconf")
    found = machine.describe()
    assert (found["extensions"], found["processor"], found["memory_bytes"]) == (None, None, None)
