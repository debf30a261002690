"""TOML whose keys know their lines."""

from pathlib import Path

import pytest

from edgewise.cli.toml_file import TomlFile
from edgewise.models.errors import UsageError
from edgewise.pipeline.checks import MOST_BYTES_OF_PIPELINE

TEXT = """\
# the first line

[[steps]]
run = "train"
mean = [
  0.5,  # one value to a line
]
text = '''
[[steps]]
run = "no step"
'''
[[steps]]   # the second
"run" = "export"
a.b = 1
steps = [{}]

[steps.inner]
z = 1

[other]
k = {x = 1}
"""


def read(tmp_path: Path, text: str | bytes) -> TomlFile:
    path = tmp_path / "file.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TomlFile.read(path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_key_has_its_line(tmp_path: Path, end: str) -> None:
    file = read(tmp_path, b"\xef\xbb\xbf" + TEXT.replace("\n", end).encode())
    lines = TEXT.splitlines()
    places = {
        ("steps", 0): "[[steps]]",
        ("steps", 0, "run"): 'run = "train"',
        ("steps", 0, "mean"): "mean = [",
        ("steps", 0, "text"): "text = '''",
        ("steps", 1): "[[steps]]   # the second",
        ("steps", 1, "run"): '"run" = "export"',
        ("steps", 1, "a", "b"): "a.b = 1",
        ("steps", 1, "steps", 0): "steps = [{}]",
        ("steps", 1, "inner", "z"): "z = 1",
        ("steps", 1, "missing"): "[[steps]]   # the second",
        ("other", "k", "x"): "k = {x = 1}",
    }
    assert {path: lines[file.line(*path) - 1] for path in places} == places
    assert file.line("nowhere") == 1
    assert file.values["steps"][1]["inner"] == {"z": 1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a = 1\nb = [1,\n2", "file.toml:2: not valid TOML: Unclosed array"),
        ("a = 1 2", "file.toml:1: not valid TOML: Expected newline"),
        ("a = 1\n\na = 2", "file.toml:3: not valid TOML: Cannot overwrite a value"),
        ("[a]\n[a]\nx = 1", "file.toml:2: not valid TOML: Cannot declare"),
        ("a = " + 9000 * "[", "file.toml: is nested too deeply"),
        (b"a = '\xff'", "file.toml: is not text in UTF-8"),
        (b" " * (MOST_BYTES_OF_PIPELINE + 1), "file.toml: it has more than"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint.replace("[", "\\[")):
        read(tmp_path, text)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory; pass a file in TOML"):
        TomlFile.read(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="Is a directory"):
        TomlFile.read(tmp_path)
