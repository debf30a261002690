"""The engines for browsers: downloaded once by npm, as pinned."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.devices import _npm
from edgewise.runtime.devices._npm import FILES, PAGE, packages

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed (apt install npm)")


@pytest.fixture(scope="module")
def fetched(new_cache: Callable[[], Path]) -> Path:
    """A cache folder with the packages."""
    return new_cache()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for edgewise and npm, and a registry that does not respond."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "ours"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "theirs"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    return tmp_path / "ours/edgewise"


def changed_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pin another LiteRT.js than the published one."""
    shutil.copytree(PAGE, folder)
    lock = json.loads((folder / "package-lock.json").read_text())
    lock["packages"]["node_modules/@litertjs/core"]["integrity"] = f"sha512-{'A' * 86}=="
    (folder / "package-lock.json").write_text(json.dumps(lock))
    monkeypatch.setattr(_npm, "PAGE", folder)


@needs_npm
def test_only_what_the_page_needs_is_kept(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(fetched))
    found = packages()
    kept = {file.relative_to(found.folder).as_posix() for file in found.folder.rglob("*") if file.is_file()}
    assert kept == set(FILES)
    assert list((fetched / "edgewise").iterdir()) == [found.folder]
    assert found.version("@litertjs/core") == "2.5.3"


@needs_npm
def test_the_second_time_needs_neither_npm_nor_network(
    fetched: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(fetched))
    monkeypatch.setenv("PATH", str(nowhere))
    assert packages().folder.is_dir()


def test_a_folder_that_lost_a_file_is_replaced(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / "work/node_modules" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work/node_modules" / name).write_text("new")
    folder = tmp_path / "kept"
    (folder / FILES[-1]).parent.mkdir(parents=True)
    (folder / FILES[-1]).write_text("old")
    _npm._keep(tmp_path / "work", folder)
    assert {(folder / name).read_text() for name in FILES} == {"new"}


def test_without_npm_the_fix_is_named(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(nowhere))
    with pytest.raises(EdgewiseError, match=r"needs npm once, .* apt install npm"):
        packages()


@needs_npm
def test_without_a_network_the_fix_is_named_and_nothing_is_left_behind(nowhere: Path) -> None:
    with pytest.raises(EdgewiseError, match=r"cannot reach its registry .*ECONNREFUSED.* connect to the"):
        packages()
    assert not list(nowhere.iterdir())


@needs_npm
def test_a_package_other_than_the_pinned_one_is_refused(
    fetched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetched.is_dir()  # so there is a network
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    changed_page(tmp_path / "page", monkeypatch)
    with pytest.raises(EdgewiseError, match=r"other packages than edgewise was tested with .*sha512"):
        packages()
    assert not list((tmp_path / "cache/edgewise").iterdir())


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (apt install npm)")
    (tmp_path / "edgewise").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(EdgewiseError, match=r"cannot be written .* XDG_CACHE_HOME"):
        packages()


def test_every_package_is_pinned_by_hash_without_a_url() -> None:
    text = (PAGE / "package-lock.json").read_text()
    root, *others = json.loads(text)["packages"].values()
    assert root["dependencies"] == json.loads((PAGE / "package.json").read_text())["dependencies"]
    assert all(one["integrity"].startswith("sha512-") for one in others)
    assert "://" not in text
