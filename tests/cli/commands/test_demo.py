"""`edgewise demo`: the address, the end by Ctrl-C, and what it needs."""

import json
import shutil
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import schemas

Run = Callable[..., Any]


def test_it_serves_a_page_until_ctrl_c(
    start: Callable[..., Any], left_in: Callable[[Path], list[str]], tiny_bundle: Path, tmp_path: Path
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (apt install npm)")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    asked = ("demo", tiny_bundle, "--no-open", "--json")
    with start(*asked, temporary=temporary, XDG_CACHE_HOME=str(tmp_path / "cache")) as child:
        try:
            first, address = child.stderr.readline(), child.stderr.readline().strip()
            if "cannot reach" in first:
                pytest.skip("no network")
            assert first == "a page until Ctrl-C:\n"
            assert address.startswith("http://127.0.0.1:")
            # urllib keeps the proxies of the first request in this process, which may be another test's.
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with direct.open(address) as answer:
                assert "<h1" in answer.read().decode()
            root = address.rstrip("/").rpartition("/")[0]
            with pytest.raises(HTTPError, match="404"):
                direct.open(f"{root}/")
            child.send_signal(signal.SIGINT)
            stdout, stderr = child.communicate(timeout=60)
        finally:
            child.kill()  # or a failure would wait for it
    assert (child.returncode, stderr) == (0, "")
    document = json.loads(stdout)
    assert not schemas.misfits(document)
    assert [model["title"] for model in document["models"]] == ["tiny tflite fp32", "tiny tflite w8a8"]
    assert left_in(temporary) == []


def test_without_npm_it_says_what_to_install(edgewise: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    ended = edgewise("demo", tiny_bundle, "--json", PATH="/nowhere", XDG_CACHE_HOME=str(tmp_path))
    assert ended.code == 1
    assert "running models in a browser needs npm once" in ended.error["message"]


def test_what_is_no_bundle_and_no_port(edgewise: Run, tmp_path: Path) -> None:
    assert "no such bundle" in edgewise("demo", tmp_path / "none").complaint
    assert edgewise("demo", tmp_path, "--port", 70000).code == 2
