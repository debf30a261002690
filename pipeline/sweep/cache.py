"""The cache of a sweep: files by what they depend on, so that nothing is made twice.

    DIR/.edgewise-sweep       marks the folder as ours; locked by the kernel while a sweep uses it
    DIR/entries/KEY/          KEY is the SHA-256 of everything that the file depends on
        entry.json            what it depends on, its figures, or why it could not be made
        bundle/               its bundle, if it was made
    DIR/times/KEY.json        latencies of a file on a device
    DIR/results.sqlite        the records of these latencies, for `edgewise results`
    DIR/records/              the document of each sweep, for `edgewise recommend` and `compare --measured`
    DIR/work/                 what is being made; removed by the next sweep after a kill

Entries appear by a rename, whole or not at all. All of it is read as untrusted input: an entry that is
damaged, or that is not what its address says, counts as missing and is made again.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ...models.errors import EdgewiseError, UsageError
from ...models.files import cache_folder, read_file, sync, write_file
from ...runtime.bundle import Bundle
from .figures import SweptFailure, SweptFile, SweptTime
from .keys import address
from .typed import typed

SCHEMA = 1
_MARK, _ENTRIES, _TIMES, _WORK = ".edgewise-sweep", "entries", "times", "work"
_ENTRY, _BUNDLE = "entry.json", "bundle"
_BAD = (EdgewiseError, OSError, ValueError, RecursionError)


def default_cache() -> Path:
    """EDGEWISE_SWEEP_CACHE, or a folder in the cache of this program."""
    if named := os.environ.get("EDGEWISE_SWEEP_CACHE"):
        return Path(named).expanduser()
    return cache_folder() / "sweep"


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What is known of one file; `made` is a moment in ISO 8601."""

    schema: int
    made: str
    seconds: float
    peak_rss_bytes: int | None
    file: SweptFile | None
    failure: SweptFailure | None


@dataclass(frozen=True, slots=True)
class CachedTimes:
    """The latencies of one file on one device."""

    schema: int
    times: tuple[SweptTime, ...]


@dataclass(frozen=True, slots=True)
class CacheLine:
    """A line of the list of a cache."""

    key: str
    title: str
    made: str
    used: float
    size_bytes: int
    failure: str | None


class Cache:
    """The cache in `folder`, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: list[str] = []

    @property
    def results(self) -> Path:
        """The store of latency records."""
        return self.folder / "results.sqlite"

    @property
    def records(self) -> Path:
        """The folder of the records of sweeps."""
        return self.folder / "records"

    def bundle(self, key: str) -> Path:
        """Where the bundle of an entry is."""
        return self.folder / _ENTRIES / key / _BUNDLE

    def prepare(self) -> None:
        """Create the folder.

        Raises:
            UsageError: it is not a cache, and not empty.
            EdgewiseError: it cannot be written.
        """
        self.require_ours()
        try:
            for name in (_ENTRIES, _TIMES, _WORK):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            (self.folder / _MARK).touch()
        except OSError as error:
            raise EdgewiseError(
                f"{self.folder}: cannot be written ({error.strerror}); choose another --cache"
            ) from error

    def require_ours(self) -> None:
        """Raise a `UsageError` if the folder holds something other than a cache."""
        if not self.folder.exists() or (self.folder / _MARK).is_file():
            return
        if not self.folder.is_dir() or any(self.folder.iterdir()):
            raise UsageError(
                f"{self.folder}: is not the cache of a sweep; pass a new or an empty folder with --cache"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other sweeps out until the block ends, and remove what a killed one has left.

        Raises:
            UsageError: another sweep uses the cache.
        """
        self.prepare()
        with (self.folder / _MARK).open("r+b") as mark:
            if not _locked(mark):
                raise UsageError(
                    f"{self.folder}: another sweep uses this cache; wait for it, or pass another --cache"
                )
            work = self.folder / _WORK
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(exist_ok=True)
            try:
                yield
            finally:
                shutil.rmtree(work, ignore_errors=True)

    @contextmanager
    def work(self) -> Iterator[Path]:
        """A folder on the same disk for what is being made."""
        folder = Path(tempfile.mkdtemp(dir=self.folder / _WORK))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def find(self, key: str) -> CacheEntry | None:
        """The entry of that key, whose bundle is whole; None if there is none."""
        place = self.folder / _ENTRIES / key
        if not place.is_dir():
            return None
        try:
            material, entry = _read(place)
            if address(material) != key:
                raise UsageError("is not what its address says")
            if entry.file is not None:
                Bundle.open(place / _BUNDLE)
        except _BAD as error:
            self.damaged.append(f"{place}: {error}")
            return None
        os.utime(place / _ENTRY)  # when it was last used
        return entry

    def add(self, key: str, material: dict[str, Any], entry: CacheEntry, bundle: Path | None) -> None:
        """Add an entry, or replace it; `bundle` is moved into it."""
        with self.work() as work:
            new = work / key
            new.mkdir()
            if bundle is not None:
                bundle.rename(new / _BUNDLE)
            text = json.dumps({"key": material, "entry": asdict(entry)}, indent=1, allow_nan=False)
            write_file(new / _ENTRY, text.encode())
            sync(new)
            place = self.folder / _ENTRIES / key
            if place.exists():
                place.rename(work / "old")
            new.rename(place)
            sync(place.parent)

    def times(self, key: str) -> tuple[SweptTime, ...] | None:
        """Latencies that were measured before; None if there are none."""
        path = self.folder / _TIMES / f"{key}.json"
        try:
            found = typed(CachedTimes, json.loads(read_file(path)), path.name)
        except FileNotFoundError:
            return None
        except _BAD as error:
            self.damaged.append(f"{path}: {error}")
            return None
        return found.times if found.schema == SCHEMA else None

    def add_times(self, key: str, times: tuple[SweptTime, ...]) -> None:
        """Keep latencies."""
        text = json.dumps(asdict(CachedTimes(SCHEMA, times)), indent=1, allow_nan=False)
        write_file(self.folder / _TIMES / f"{key}.json", text.encode())

    def listing(self) -> list[CacheLine]:
        """All entries, the one that was used last first.

        Raises:
            UsageError: the folder is not a cache.
        """
        self.require_ours()
        places = (self.folder / _ENTRIES).glob("*") if (self.folder / _ENTRIES).is_dir() else ()
        found = [_kept(place) for place in places if place.is_dir()]
        return sorted(found, key=lambda entry: -entry.used)

    def shrink(self, most_bytes: int, keep: Collection[str]) -> list[CacheLine]:
        """Remove what was not used for longest until the rest fits; never what is in `keep`."""
        known = self.listing()
        total, removed = sum(entry.size_bytes for entry in known), []
        for entry in reversed(known):
            if total <= most_bytes:
                break
            if entry.key not in keep:
                self._remove(entry.key)
                total -= entry.size_bytes
                removed.append(entry)
        return removed

    def clear(self) -> list[CacheLine]:
        """Remove all entries and times; the records of latencies stay.

        Raises:
            UsageError: the folder is not a cache, or a sweep uses it.
        """
        self.require_ours()
        if not self.folder.exists():
            return []
        with self.locked():
            removed = self.listing()
            for entry in removed:
                self._remove(entry.key)
            for path in (self.folder / _TIMES).glob("*.json"):
                path.unlink()
        return removed

    def _remove(self, key: str) -> None:
        """Remove an entry; by a rename first, so that a kill leaves no half of it."""
        with tempfile.TemporaryDirectory(dir=self.folder / _WORK) as work:
            (self.folder / _ENTRIES / key).rename(Path(work, key))


def _read(place: Path) -> tuple[dict[str, Any], CacheEntry]:
    found = json.loads(read_file(place / _ENTRY))
    if not isinstance(found, dict) or not isinstance(found.get("key"), dict):
        raise UsageError(f"{_ENTRY}: is not an entry")
    entry = typed(CacheEntry, found.get("entry"), _ENTRY)
    if entry.schema != SCHEMA:
        raise UsageError(f"{_ENTRY}: has the schema {entry.schema}, this version reads {SCHEMA}")
    if (entry.file is None) == (entry.failure is None):
        raise UsageError(f"{_ENTRY}: must have either figures or a failure")
    return found["key"], entry


def _kept(place: Path) -> CacheLine:
    size = sum(path.lstat().st_size for path in place.rglob("*") if path.is_file())
    title, made, failure, used = "damaged", "", None, 0.0
    with suppress(*_BAD):
        used = (place / _ENTRY).stat().st_mtime
        material, entry = _read(place)
        made, failure = entry.made, entry.failure.message if entry.failure else None
        network = material.get("network")
        name = network.get("name") if isinstance(network, dict) else None
        title = f"{name} {material.get('target')} {material.get('precision')}"
    made = made or time.strftime("%Y-%m-%d", time.gmtime(used))
    return CacheLine(place.name, title, made, used, size, failure)


def _locked(file: IO[bytes]) -> bool:
    """Lock an open file without waiting; False if another process holds it. Windows' users must take care."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
