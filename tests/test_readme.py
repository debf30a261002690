"""README is short, and what it refers to exists; tests/test_docs.py runs its commands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 200


def test_it_begins_with_the_two_commands() -> None:
    commands = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)
    assert commands[:2] == [
        "pip install uv && uv run edgewise export mobilenetv2 --to tflite --int8",
        "uv run pytest",
    ]


def test_it_names_every_command() -> None:
    commands = [path.stem for path in (ROOT / "cli" / "commands").glob("[a-z]*.py")]
    assert len(commands) > 10
    for command in commands:
        assert f"`edgewise {command}`" in README


@pytest.mark.parametrize("link", sorted(set(_LINK.findall(README))))
def test_what_it_links_to_exists(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("page", [ROOT / "README.md", *ROOT.glob("docs/**/*.md")], ids=lambda path: path.stem)
def test_nobody_is_told_to_install_it_from_an_index(page: Path) -> None:
    """It is not published; what another distribution of that name holds is not ours."""
    told = re.search(r"pip install [^\n&]*(?<![/.\w])['\"]?edgewise\b(?!-)", page.read_text("utf-8"))
    assert not told
