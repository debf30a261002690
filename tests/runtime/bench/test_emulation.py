"""Detection of emulated processors."""

import platform
from pathlib import Path

import pytest

from edgewise.runtime.bench.emulation import emulator


@pytest.fixture(autouse=True)
def no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QEMU_CPU", raising=False)


def tree(root: Path, program: str | None, runner: str | None, cpuinfo: str = "processor\t: 0\n") -> Path:
    """The links through which the kernel, or the emulator, shows the running program."""
    for name, target in (("self", program), ("thread-self", runner)):
        (root / "proc" / name).mkdir(parents=True)
        if target:
            (root / "proc" / name / "exe").symlink_to(target)
    (root / "proc/cpuinfo").write_text(cpuinfo)
    return root


def test_a_real_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMU_CPU", "cortex-a72")  # set, but no emulator runs
    assert emulator(tree(tmp_path, "/usr/bin/python3.11", "/usr/bin/python3.11")) is None
    assert emulator(tmp_path / "without/proc") is None


def test_this_processor_is_real() -> None:
    assert emulator() is None


def test_the_kernel_knows_the_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path, "/usr/bin/python3.11", "/usr/bin/qemu-aarch64")
    assert emulator(root) == "qemu-aarch64"
    monkeypatch.setenv("QEMU_CPU", "cortex-a76")
    assert emulator(root) == "qemu-aarch64 (cortex-a76)"


def test_an_emulator_without_proc_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMU_CPU", "cortex-a72")
    assert emulator(tree(tmp_path, "/usr/bin/python3.11", None)) == "qemu (cortex-a72)"


@pytest.mark.parametrize(
    ("cpuinfo", "version", "architecture", "found"),
    [
        ("model name\t: QEMU TCG CPU version 2.5+\n", "#1 SMP", "x86_64", "qemu"),
        ("vendor_id\t: VirtualApple\n", "#1 SMP", "x86_64", "Rosetta 2"),
        ("", "Darwin Kernel Version 24.1.0: root:xnu-11215/RELEASE_ARM64_T6000", "x86_64", "Rosetta 2"),
        ("", "Darwin Kernel Version 24.1.0: root:xnu-11215/RELEASE_ARM64_T6000", "arm64", None),
        ("model name\t: AMD EPYC\n", "#1 SMP", "x86_64", None),
    ],
)
def test_emulated_machines_are_detected(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cpuinfo: str,
    version: str,
    architecture: str,
    found: str | None,
) -> None:
    monkeypatch.setattr(platform, "version", lambda: version)
    monkeypatch.setattr(platform, "machine", lambda: architecture)
    assert emulator(tree(tmp_path, "/usr/bin/python3", "/usr/bin/python3", cpuinfo)) == found
