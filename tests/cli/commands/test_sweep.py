"""`edgewise sweep`: the real thing on tiny networks, twice, damaged, killed, and against an older one."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
_CRASHES = "import os\ndef make(num_classes):\n    os._exit(7)\n"
_SLEEPS = "import time\ndef make(num_classes):\n    time.sleep(600)\n"


_ROUNDED = {"parity", "sqnr_db"}  # of float files, where PyTorch adds in another order with more threads


@pytest.fixture(scope="module")
def settings(labels: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the networks of `nets` need."""
    file = tmp_path_factory.mktemp("sweep") / "sweep.toml"
    file.write_text(
        f'to = "onnx"\nlabels = "{labels}"\nimgsz = 32\nresize = 40\ncalib_count = 8\ndata = "{labelled}"\n'
        f"max_drop = 100.0\n"
    )
    return file


@pytest.fixture(scope="module")
def asked(nets: Path, settings: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """The sweep of a network that works and of one whose process ends."""
    bad = tmp_path_factory.mktemp("bad") / "bad.py"
    bad.write_text(_CRASHES)
    text = settings.read_text() + f'[[networks]]\nnames = ["{bad}:make", "{nets}:colours"]\n'
    file = settings.with_name("both.toml")
    file.write_text(text)
    return "--config", file, "--seconds", 0.1, "--launches", 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("swept")


@pytest.fixture(scope="module")
def first(edgewise: Run, asked: tuple[object, ...], folder: Path) -> Any:
    """The first run, which makes everything and times it."""
    return edgewise(
        "sweep", *asked, "--cache", folder / "cache", "--scorecard", folder / "old.json", "--json"
    )


@pytest.mark.slow
def test_a_network_whose_process_ends_is_a_row_with_its_reason(first: Any) -> None:
    assert first.code == 0, first.stderr
    rows = first.document["rows"]
    assert [(row["requested"], row["failure"] is None) for row in rows] == [
        ("fp32", False),
        ("w8a8", False),
        ("fp32", True),
        ("w8a8", True),
    ]
    assert rows[0]["failure"]["message"].startswith("its process ended with status 7")
    assert "bad.py:make: its process ended with status 7" in first.stderr


@pytest.mark.slow
def test_what_was_made_is_proven_and_timed(first: Any) -> None:
    *_, exact, small = first.document["rows"]
    assert small["file"]["precision"] == "w8a8"
    assert small["file"]["top1"]["count"] == len(small["file"]["right"]) == 20
    assert small["file"]["top1"]["value"] == small["file"]["right"].count("1") / 20
    for row in (exact, small):
        (timed,) = row["times"]
        assert timed["p50_ms"] > 0
        assert timed["device"] == "local"
        assert (Path(row["bundle"]) / "manifest.json").is_file()
    assert exact["times"][0]["speedup"] is None
    assert small["times"][0]["speedup"]["value"] > 0


@pytest.mark.slow
def test_a_second_run_takes_everything_from_the_cache_but_what_crashed(
    first: Any, edgewise: Run, asked: tuple[object, ...], folder: Path
) -> None:
    again = edgewise("sweep", *asked, "--cache", folder / "cache", "--against", folder / "old.json", "--json")
    assert again.code == 0, again.stderr
    assert (again.document["made"], again.document["reused"], again.document["failed"]) == (2, 2, 2)
    before, after = first.document["rows"][2:], again.document["rows"][2:]
    assert [row | {"reused": False} for row in after] == before
    card = again.document["against"]
    assert (card["better"], card["worse"], card["slipped"]) == ([], [], [])
    assert card["compared"] > 3


@pytest.mark.slow
def test_a_file_that_is_worse_ends_with_the_code_of_a_regression(
    first: Any, edgewise: Run, asked: tuple[object, ...], folder: Path
) -> None:
    assert first.code == 0
    document = json.loads((folder / "old.json").read_text())
    document["rows"][-1]["file"]["size_bytes"] //= 2
    (folder / "better.json").write_text(json.dumps(document))
    ended = edgewise("sweep", *asked, "--cache", folder / "cache", "--against", folder / "better.json")
    assert ended.code == 8
    assert "colours onnx w8a8: size was" in ended.complaint
    assert "WORSE" in ended.stdout


@pytest.mark.slow
def test_a_damaged_bundle_is_made_again(
    first: Any, edgewise: Run, asked: tuple[object, ...], folder: Path
) -> None:
    copy = folder / "copy"
    shutil.copytree(folder / "cache", copy)
    key = first.document["rows"][-1]["key"]
    (model,) = (copy / "entries" / key / "bundle").glob("*w8a8.onnx")
    model.write_bytes(model.read_bytes()[:-9])
    ended = edgewise(
        "sweep", *asked, "--no-timing", "--cache", copy, "--scorecard", folder / "table.md", "--json"
    )
    assert ended.code == 0, ended.stderr
    assert [row["reused"] for row in ended.document["rows"]] == [False, False, True, False]
    assert "made again" in ended.stderr
    table = (folder / "table.md").read_text("utf-8").splitlines()
    assert table[0] == "# Networks on their targets"
    rows = [line for line in table if line.startswith("| ")]
    assert len(rows) == 2 + 4
    assert len({line.count("|") for line in rows}) == 1


@pytest.mark.slow
def test_the_cache_is_listed_and_cleared(first: Any, edgewise: Run, folder: Path) -> None:
    assert first.code == 0
    copy = folder / "cleared"
    shutil.copytree(folder / "cache", copy)
    listed = edgewise("sweep", "--cache", copy, "--cache-list")
    assert "colours onnx w8a8" in listed.stdout
    assert "bad.py:make onnx fp32 (failed)" in listed.stdout
    assert len(edgewise("sweep", "--cache", copy, "--cache-clear", "--json").document["entries"]) == 4
    assert edgewise("sweep", "--cache", copy, "--cache-list", "--json").document["entries"] == []


@pytest.mark.slow
def test_a_kill_leaves_no_process_and_no_half_entry(
    start: Run, edgewise: Run, settings: Path, tmp_path: Path
) -> None:
    net, cache, temporary = tmp_path / "slow.py", tmp_path / "cache", tmp_path / "tmp"
    net.write_text(_SLEEPS)
    temporary.mkdir()
    asked = (f"{net}:make", "--config", settings.with_name("none.toml"), "--cache", cache)
    settings.with_name("none.toml").write_text(settings.read_text() + f'names = ["{net}:make"]\n')
    work = cache / "work"
    with start("sweep", *asked[1:], temporary=temporary) as child:
        while not [*work.glob("*/log.txt")] or not (inner := _children(child.pid)):
            time.sleep(0.05)
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in inner):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert edgewise("sweep", "--cache", cache, "--cache-list", "--json").document["entries"] == []


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_mistake_is_told_before_anything_starts(edgewise: Run, tmp_path: Path) -> None:
    for words, told in (
        ((), "no network was given"),
        (("nosuch*",), "matches no network"),
        (("resnet18", "--precision", "fp32", "--int8"), "leave out --float and --int8"),
        (("resnet18", "--cache-list"), "stand alone"),
        (("resnet18", "--against", tmp_path / "none.json"), "cannot be read"),
    ):
        ended = edgewise("sweep", *words, "--cache", tmp_path / "cache")
        assert ended.code == 2
        assert told in ended.complaint
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("wieghts = 1\n", ":1: wieghts: unknown setting"),
        ("[[networks]]\nnames = 3\n", ":2: names: must be a list"),
        ('[[networks]]\nnames = ["nosuch*"]\n', ":2: names: nosuch*: matches no network"),
        ('to = "onnx"\n', "there are none"),
        ('to = "onnx"\n\n[[networks]]\nnames = ["resnet18"]\nimgsz = "big"\n', ":5: imgsz: is 'big'"),
    ],
)
def test_a_mistake_in_the_file_has_its_line(text: str, told: str, edgewise: Run, tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(text)
    ended = edgewise("sweep", "--config", file, "--cache", tmp_path / "cache")
    assert ended.code == 2
    assert told in ended.complaint


@pytest.mark.slow
def test_a_cluster_makes_the_same(
    first: Any,
    edgewise: Run,
    asked: tuple[object, ...],
    ray_cluster: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    cluster = ("--ray", ray_cluster, "--ray-memory", 1, "--no-timing")
    ended = edgewise("sweep", *asked, *cluster, "--cache", "spread", "--json")
    assert ended.code == 0, ended.stderr
    assert "bad.py:make: its process ended with status 7" in ended.stderr
    for here, there in zip(first.document["rows"], ended.document["rows"], strict=True):
        assert there["key"] == here["key"]
        exact = {name: value for name, value in (here["file"] or {}).items() if name not in _ROUNDED}
        assert {name: value for name, value in (there["file"] or {}).items() if name not in _ROUNDED} == exact
        assert (there["failure"] is None) == (here["failure"] is None)
    assert not (folder / "spread" / "work").exists()
