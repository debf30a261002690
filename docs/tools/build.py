"""Make the reference pages and build the documentation into build/site; a broken link fails the build.

uv run python docs/tools/build.py            # as CI does
uv run python docs/tools/build.py --serve    # and look at it at http://localhost:8000
"""

import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from reference import pages

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def write_reference() -> None:
    """Write the pages that are made from the code."""
    folder = DOCS / "reference"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")


def check_navigation() -> None:
    """Exit where a page is not in the navigation or the other way round, which Zensical does not look at."""
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    named = sorted(_files(settings["nav"]))
    there = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    if named != there:
        sys.exit(f"mkdocs.yml and docs/ differ in {sorted(set(named) ^ set(there))}")


def _files(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    values = entry.values() if isinstance(entry, dict) else entry
    return [file for value in values for file in _files(value)]  # type: ignore[attr-defined]


def main(arguments: list[str]) -> int:
    """The command of this file."""
    write_reference()
    check_navigation()
    task = ["serve"] if "--serve" in arguments else ["build", "--clean", "--strict"]
    done = subprocess.run([sys.executable, "-m", "zensical", *task], cwd=ROOT, check=False)
    shutil.rmtree(ROOT / "build" / "site" / "tools", ignore_errors=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
