#!/usr/bin/env python3
"""Pin every dependency to the version that `uv lock` chooses, in pyproject.toml and in requirements.txt.

    uv run .ci/pin.py                              # after a change to the dependencies
    uv run .ci/pin.py --upgrade-package torch      # what is passed goes to `uv lock`
    uv run .ci/pin.py --upgrade

Versions stay as they are in `uv.lock` where they can; a new date in `exclude-newer` upgrades all of them.
"""
# /// script
# requires-python = ">=3.11"
# ///

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYPROJECT = ROOT / "pyproject.toml"
UV = os.environ.get("UV", "uv")
PINS = re.compile(r"(?<=^constraint-dependencies = \[\n)(?:    .*\n)*(?=\]$)", re.MULTILINE)
BUILD_PINS = re.compile(r"(?<=^build-constraint-dependencies = \[).*(?=\]$)", re.MULTILINE)
REQUIREMENTS = ("export", "--no-emit-project", "--extra", "all", "--no-dev", "-o", "requirements.txt")
EVERYTHING = ("export", "--no-emit-project", "--all-extras", "--all-groups", "--no-hashes", "--no-annotate")


def main(options: list[str]) -> None:
    """Lock, write what was chosen as constraints, and lock with these; on a failure change nothing."""
    before = PYPROJECT.read_text("utf-8")
    try:
        if not (ROOT / "uv.lock").exists():  # which a lock without constraints starts from
            uv("lock")
        write([])
        uv("lock", *options)
        write(constraints(uv(*EVERYTHING, "--no-header", "--quiet")))
        uv("lock")
        uv(*REQUIREMENTS, "--quiet")
    except subprocess.CalledProcessError as error:
        PYPROJECT.write_text(before, "utf-8")
        sys.exit(error.returncode)


def uv(*arguments: str) -> str:
    """What uv prints to standard output."""
    done = subprocess.run((UV, *arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def constraints(exported: str) -> list[str]:
    """A pin for each exported requirement, with its marker only where a package has several versions.

    Without a marker it holds on a platform, too, that the package is not needed on today.
    """
    requirements = [line.partition(" ;") for line in exported.splitlines()]
    names = [pin.partition("==")[0] for pin, _, _ in requirements]
    several = {name for name in names if names.count(name) > 1}
    return [
        "".join(requirement) if name in several else requirement[0]
        for name, requirement in zip(names, requirements, strict=True)
    ]


def write(pins: list[str]) -> None:
    """Put these constraints into pyproject.toml, in place of those that are there."""
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    build = ", ".join(f'"{pin}"' for pin in pins if pin.startswith("setuptools=="))
    text, count = PINS.subn(lambda _: lines, PYPROJECT.read_text("utf-8"))
    text, build_count = BUILD_PINS.subn(lambda _: build, text)
    if (count, build_count) != (1, 1):
        sys.exit(
            f"{PYPROJECT.name}: found {count} constraint-dependencies with a line each, and {build_count} "
            "build-constraint-dependencies on one line; need one of each"
        )
    PYPROJECT.write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
