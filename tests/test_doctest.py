"""Every module can be imported, and the examples in its docstrings hold."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "export", "quantize", "runtime", "cli")
FILES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


# Not pytest's --doctest-modules, which takes `models` for a package, where `edgewise.models` is one.
@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_module_does_what_its_docstrings_show(file: Path) -> None:
    parts = file.with_suffix("").parts
    name = ".".join(("edgewise", *parts)).removesuffix(".__init__")
    failed, _ = doctest.testmod(import_module(name))
    assert failed == 0, f"the report above tells which examples of {file} failed"
