"""The cache of a sweep: whole entries, bounded, and read as untrusted input."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewise.models.errors import UsageError
from edgewise.pipeline.sweep.cache import SCHEMA, Cache, CacheEntry
from edgewise.pipeline.sweep.figures import SweepRow, SweptFailure
from edgewise.pipeline.sweep.keys import address

Row = Callable[..., SweepRow]
_FAILED = SweptFailure("no such operator", "error", 1, lasts=True)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "cache")
    made.prepare()
    return made


def add(cache: Cache, name: str, *, used: float = 0.0, extra: int = 0) -> str:
    """A failure under that name, last used at a moment, which takes some more bytes."""
    material = {"network": {"name": name}, "target": "onnx", "precision": "fp32", "more": "x" * extra}
    key = address(material)
    entry = CacheEntry(SCHEMA, "2026-12-01T00:00:00+00:00", 1.0, None, None, _FAILED)
    cache.add(key, material, entry, None)
    os.utime(cache.folder / "entries" / key / "entry.json", (used, used))
    return key


def test_an_entry_is_found_as_it_was_added(cache: Cache) -> None:
    key = add(cache, "resnet18")
    found = cache.find(key)
    assert found is not None
    assert (found.failure, found.file, cache.damaged) == (_FAILED, None, [])
    assert cache.find("0" * 64) is None
    assert not [*(cache.folder / "work").iterdir()]


def test_a_bundle_moves_in_and_is_checked(cache: Cache, row: Row, tiny_bundle: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    shutil.copytree(tiny_bundle, made)
    material = {"network": {"name": "tiny"}}
    key = address(material)
    cache.add(key, material, CacheEntry(SCHEMA, "", 1.0, 5, row().file, None), made)
    assert not made.exists()
    found = cache.find(key)
    assert found is not None
    assert found.file == row().file
    (model,) = cache.bundle(key).glob("*w8a8.tflite")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    assert cache.find(key) is None
    assert "sha256" in cache.damaged[0] or "damaged" in cache.damaged[0]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"key": {}, "entry": {}}',
        '{"key": {}, "entry": {"schema": 1, "made": "", "seconds": 1e999, "peak_rss_bytes": null}}',
    ],
)
def test_a_damaged_entry_is_missing(content: str, cache: Cache) -> None:
    key = add(cache, "resnet18")
    (cache.folder / "entries" / key / "entry.json").write_text(content)
    assert cache.find(key) is None
    assert cache.damaged
    assert [entry.title for entry in cache.listing()] == ["damaged"]


def test_an_entry_at_another_address_is_missing(cache: Cache) -> None:
    key, other = add(cache, "resnet18"), address({"of": "another"})
    (cache.folder / "entries" / key).rename(cache.folder / "entries" / other)
    assert cache.find(other) is None
    assert "not what its address says" in cache.damaged[0]


def test_neither_figures_nor_a_failure_is_nothing(cache: Cache) -> None:
    key = add(cache, "resnet18")
    path = cache.folder / "entries" / key / "entry.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "entry": {**found["entry"], "failure": None}}))
    assert cache.find(key) is None


def test_what_was_not_used_for_longest_goes_first(cache: Cache) -> None:
    with cache.locked():
        oldest, kept, newest = (add(cache, name, used=at, extra=10_000) for at, name in enumerate("abc", 1))
        assert [entry.key for entry in cache.listing()] == [newest, kept, oldest]
        assert cache.shrink(10**9, ()) == []
        assert [entry.key for entry in cache.shrink(25_000, ())] == [oldest]
        assert [entry.key for entry in cache.shrink(0, (kept,))] == [newest]
        assert [entry.key for entry in cache.listing()] == [kept]


def test_to_use_an_entry_keeps_it(cache: Cache) -> None:
    with cache.locked():
        used, other = (add(cache, name, used=at, extra=10_000) for at, name in enumerate("ab", 1))
        cache.find(used)
        assert [entry.key for entry in cache.shrink(15_000, ())] == [other]


def test_clearing_leaves_an_empty_cache(cache: Cache) -> None:
    add(cache, "a")
    assert len(cache.clear()) == 1
    assert cache.listing() == []


def test_another_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "entries").mkdir()
    (tmp_path / "entries" / "thesis.tex").touch()
    for act in (Cache(tmp_path).prepare, Cache(tmp_path).clear, Cache(tmp_path).listing):
        with pytest.raises(UsageError, match="is not the cache of a sweep"):
            act()
    assert (tmp_path / "entries" / "thesis.tex").exists()


def test_a_second_sweep_waits_its_turn_and_leftovers_go(cache: Cache) -> None:
    (cache.folder / "work" / "of-a-killed-one").mkdir()
    with cache.locked():
        assert not [*(cache.folder / "work").iterdir()]
        with pytest.raises(UsageError, match="another sweep uses this cache"), Cache(cache.folder).locked():
            pass


def test_times_are_kept_and_read_with_care(cache: Cache, row: Row) -> None:
    assert cache.times("1f") is None
    cache.add_times("1f", row().times)
    assert cache.times("1f") == row().times
    (cache.folder / "times" / "1f.json").write_text('{"schema": 1, "times": [{"device": 3}]}')
    assert cache.times("1f") is None
    assert "must be str" in cache.damaged[-1] or "has no" in cache.damaged[-1]
