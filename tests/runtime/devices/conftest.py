"""An emulated Raspberry Pi, emulated phones and a browser, if the tools for them are installed."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError
from edgewise.runtime.bundle import write_bundle
from edgewise.runtime.devices import _chromium
from edgewise.runtime.devices._npm import packages
from edgewise.runtime.devices.browser import Browser, open_device
from edgewise.runtime.judge.golden import sample
from edgewise.runtime.reference import TorchSession
from edgewise.runtime.tflite.session import TfliteSession, read_structure

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


@pytest.fixture(scope="module")
def browser(javascript_engines: Path) -> Iterator[Browser]:
    """The default browser, with the engines in a cache folder for the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(javascript_engines))
        yield open_device("browser")


@pytest.fixture
def browsers() -> Callable[[], list[int]]:
    """A function that gives the process ids of running browsers started by this process."""

    def find() -> list[int]:
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
                command = stat.with_name("cmdline").read_bytes()
            except OSError:
                continue
            if state != "Z" and int(parent) == os.getpid() and b"--user-data-dir" in command:
                found.append(int(stat.parent.name))
        return found

    return find


@pytest.fixture
def no_browser_is_left(browsers: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After the test, the browsers that it started and their profiles are gone."""
    # A temporary folder of the test's own, since other tests use browsers at the same time; not tmp_path,
    # which is too long for the name of Chromium's socket.
    with tempfile.TemporaryDirectory() as place:
        monkeypatch.setenv("TMPDIR", place)
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield
        assert not browsers()
        assert not [*Path(place).glob("edgewise-*")]


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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A separate adb server with its own port and keys."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"ANDROID_ADB_SERVER_PORT": str(port), "HOME": str(tmp_path_factory.mktemp("keys"))}
    yield settings
    subprocess.run(["adb", "kill-server"], env=os.environ | settings, check=False, capture_output=True)


@pytest.fixture
def plug(
    server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """A function that connects emulated phones with the given behaviour."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    phones: list[Any] = []

    def plug(**behaviour: object) -> Any:
        phone = _module("_adbd").Phone(tmp_path / f"phone{len(phones)}")
        _module("_phone").furnish(phone.root)
        for name, value in behaviour.items():
            setattr(phone, name, value)
        phones.append(phone)
        subprocess.run(["adb", "connect", phone.serial], check=True, capture_output=True, timeout=60)
        return phone

    yield plug
    for phone in phones:
        subprocess.run(["adb", "disconnect", phone.serial], check=False, capture_output=True, timeout=60)
        phone.close()


@pytest.fixture
def installed(plug: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function that connects a phone with the app; `started` is what the app does when it is started."""
    monkeypatch.delenv("EDGEWISE_ANDROID_RUNNER", raising=False)

    def installed(started: str = "", *, debuggable: bool = True) -> Any:
        phone = plug()
        data, python = phone.root / "data/user/0/edgewise.demo", f"{sys.executable} -P"
        data.mkdir(parents=True)
        start = started or f'{python} {HERE / "_stand_in_app.py"} {data} "$@" >{phone.root}/app.log 2>&1'
        scripts = {
            "pm": '[ "$2" = edgewise.demo ] && echo package:/data/app/base.apk',
            "run-as": f'shift\ncd {data} && exec "$@"'
            if debuggable
            else "echo 'run-as: package not debuggable: edgewise.demo'\nexit 1",
            "input": "true",
            "pidof": f"cat {phone.root}/pid 2>/dev/null",
            "taskset": f'echo "$@" >> {phone.root}/pinned',
            # The app runs beside the shell, and its process ends when it is stopped.
            "am": f"""case "$1" in
start) shift; echo $$ > {phone.root}/pid; ( {start}; ) & wait ;;
force-stop) rm -f {phone.root}/pid ;;
esac""",
        }
        for name, script in scripts.items():
            path = phone.root / "bin" / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return phone

    return installed


@pytest.fixture(scope="session")
def bundle(
    tiny_network: nn.Module,
    tiny_float: Artifact,
    tiny_int8: dict[str, Artifact],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Path]:
    """A function that returns a bundle by its io type."""
    folder = tmp_path_factory.mktemp("bundles")

    def bundle(io: str) -> Path:
        if not (folder / io).exists():
            file = tiny_int8[io]
            golden = sample(file.spec.preprocess, TorchSession(tiny_network), TfliteSession(file.path, 1))
            write_bundle(
                folder / io, file, tiny_float, golden, {"structure": read_structure(file.path).to_json()}
            )
        return folder / io

    return bundle
