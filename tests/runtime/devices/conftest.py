"""An emulated Raspberry Pi, if the tools for it are installed."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the emulated machine."""
    for item in items:
        if "pi" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def _module(name: str) -> "ModuleType":
    """Load a file next to this one, because tests are not packages."""
    spec = spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """See `_pi.Pi`."""
    module = _module("_pi")
    if against := module.reason_against():
        pytest.skip(against)
    with module.running(tmp_path_factory.mktemp("pi")) as machine:
        yield machine


@pytest.fixture
def pi(emulated: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The emulated Pi, with its settings in the user's ssh config."""
    monkeypatch.setenv("PATH", emulated.path)
    lines = (f"{name} {value}\n" for name, value in emulated.settings.items())
    (emulated.folder / "ssh_config").write_text("".join(lines))
    return emulated
