"""An emulated Raspberry Pi and a browser, if the tools for them are installed."""

import shutil
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.devices import _chromium
from edgewise.runtime.devices._npm import packages

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
def new_cache(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes a cache folder with nothing but the engines for browsers; needs npm and a registry."""

    def make() -> Path:
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed (apt install npm)")
        cache = tmp_path_factory.mktemp("cache")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(cache))
            try:
                packages()
            except EdgewiseError as error:
                if "cannot reach" not in str(error):
                    raise
                pytest.skip(f"no network: {error}")
        return cache

    return make


@pytest.fixture(scope="session")
def javascript_engines(new_cache: Callable[[], Path]) -> Path:
    """A cache folder with the engines for browsers; needs Chromium, too."""
    if _chromium.find() is None:
        pytest.skip("there is no Chromium (apt install chromium)")
    return new_cache()


@pytest.fixture(scope="session")
def devtools() -> Any:
    """See `_devtools.opened`."""
    return _module("_devtools").opened


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
