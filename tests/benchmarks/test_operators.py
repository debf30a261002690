"""The table of operators: a part of it is made again, and the committed one is complete."""

import subprocess
import sys
from pathlib import Path

import operators
import pytest
import timm_sample
from idioms import GROUPS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = [name for networks in GROUPS.values() for name in networks]
AGAIN = (
    "circular padding",
    "weight standardization",
    "AdaptiveMaxPool2d(7), uneven",
    "BlurPool",
    "relative position bias",
    "constant folded into a bias",
)


@pytest.mark.slow
def test_a_part_of_the_table_made_again(tmp_path: Path, exact_programs: dict[str, str]) -> None:
    places = ("--results", str(tmp_path / "results"), "--table", str(tmp_path / "table.md"))
    done = subprocess.run(
        [sys.executable, "operators.py", "--only", ";".join(AGAIN), *places],
        cwd=BENCHMARKS,
        env=exact_programs,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "table.md").read_text()
    assert f"Of {6 * len(AGAIN)} files {6 * len(AGAIN)} are right, 0 are refused" in " ".join(table.split())
    assert table.count("\n| ") == len(AGAIN) + len({group for group in GROUPS if _has_some(group)})


def _has_some(group: str) -> bool:
    return any(name in GROUPS[group] for name in AGAIN)


def test_the_committed_table_has_every_network_and_nothing_wrong() -> None:
    table = (BENCHMARKS / "operators.md").read_text()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert sorted(row for row in rows if row != "network") == sorted(NAMES)
    assert len(NAMES) == len({*NAMES}) >= 60
    assert "**" not in table, "wrong files are in bold"


def test_states_tell_a_refusal_from_a_wrong_file() -> None:
    right = {"parity": 1e-6, "sqnr_db": 40.0, "precision": "w8a8", "suspicious": False}
    assert operators.states(right) == ("right", "right")
    assert operators.states(right | {"sqnr_db": 2.0}) == ("right", "wrong")
    assert operators.states(right | {"suspicious": True}) == ("right", "wrong")
    assert operators.states({"parity": 1e-6, "refused": "it cannot be quantized"}) == ("right", "refused")
    assert operators.states({"refused": "no such operator"}) == ("refused", "refused")
    wrong = "the converted float model differs from the original ..., so it is wrong; do not ship it"
    assert operators.states({"refused": wrong}) == ("wrong", "wrong")
    assert operators.states({"wrong": "the process crashed"}) == ("wrong", "wrong")


def test_the_sample_of_timm_is_what_the_table_shows() -> None:
    table = (BENCHMARKS / "timm_sample.md").read_text()
    rows = [
        line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| timm:")
    ]
    assert rows == timm_sample.sample(len(rows))
