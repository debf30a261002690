"""`edgewise demo`: the address, the end by Ctrl-C, and what it needs."""

import shutil
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

Run = Callable[..., Any]


def test_it_serves_a_page_until_ctrl_c(start: Callable[..., Any], tiny_bundle: Path, tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (apt install npm)")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with start("demo", tiny_bundle, "--no-open", temporary=temporary) as child:
        address = child.stdout.readline().strip()
        if not address:
            assert "cannot reach" in child.stderr.read()
            pytest.skip("no network")
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - it is http
            page = answer.read().decode()
        assert "<h1" in page
        with pytest.raises(HTTPError, match="404"):
            urllib.request.urlopen(address.rpartition("/")[0].rpartition("/")[0] + "/")  # noqa: S310
        child.send_signal(signal.SIGINT)
        stdout, _ = child.communicate(timeout=60)
    assert (child.returncode, stdout) == (0, "")
    assert [path.name for path in temporary.iterdir() if path.name.startswith("edgewise-")] == []


def test_without_npm_it_says_what_to_install(edgewise: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    ended = edgewise("demo", tiny_bundle, "--json", PATH="/nowhere", XDG_CACHE_HOME=str(tmp_path))
    assert ended.code == 1
    assert "running models in a browser needs npm once" in ended.error["message"]


def test_what_is_no_bundle_and_no_port(edgewise: Run, tmp_path: Path) -> None:
    assert "no such bundle" in edgewise("demo", tmp_path / "none").complaint
    assert edgewise("demo", tmp_path, "--port", 70000).code == 2
