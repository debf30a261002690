"""Fill in the table of docs/explanation/trust.md: which case on which board proves each rule.

    uv run python docs/tools/trust_rules.py

The cases are those that tests/runtime/bench/test_trust.py runs, from boards.toml beside it. A row begins with
the name of a rule in `edgewise.runtime.bench.trust.RULES`; its last cell is written here.
"""

import re
import tomllib
from pathlib import Path

from edgewise.runtime.bench.trust import RULES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "trust.md"
BOARDS = ROOT / "tests" / "runtime" / "bench" / "boards.toml"

_ROW = re.compile(r"\| (?P<rule>[a-z ]+) \| (?P<text>.+) \| [^|]* \|")


def written() -> str:
    """The page with its last cells filled in.

    Raises:
        SystemExit: the page lacks a rule, or has one too many.
    """
    data = tomllib.loads(BOARDS.read_text("utf-8"))
    cases: dict[str, list[str]] = {}
    for case in data["cases"]:
        cases.setdefault(case["rule"], []).append(case["name"])
    cases["trusted"] = [case["name"] for case in data["trusted"]]
    lines, seen = [], []
    for line in PAGE.read_text("utf-8").splitlines():
        row = _ROW.fullmatch(line)
        if row and row["rule"] in cases:
            seen.append(row["rule"])
            line = f"| {row['rule']} | {row['text']} | {'; '.join(cases[row['rule']])} |"  # noqa: PLW2901
        lines.append(line)
    if seen != [*RULES, "unknown", "trusted"]:
        raise SystemExit(f"{PAGE.name} has the rules {seen} instead of {[*RULES, 'unknown', 'trusted']}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")
