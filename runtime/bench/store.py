"""The results store: all records in one SQLite file, which several runs can append to at once.

A record is committed atomically and is on disk before `append` returns. This uses SQLite's rollback journal
with `synchronous=FULL` instead of WAL, which does not work on network file systems or read-only media and
whose speed a few records an hour do not need. The columns for searching are stored next to the whole record
as JSON. `user_version` is the schema of this file; the record's own schema is in its JSON.
"""

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ...models.errors import EdgewiseError, UsageError
from .history import slower
from .record import Record

__all__ = ["SCHEMA", "Store", "default_path", "slower"]

SCHEMA = 1
_PATIENCE_S = 30.0
_CREATE = """
    CREATE TABLE results (
        id TEXT PRIMARY KEY, run TEXT NOT NULL, started_s REAL NOT NULL,
        model TEXT NOT NULL, target TEXT NOT NULL, precision TEXT NOT NULL, part TEXT NOT NULL,
        device TEXT NOT NULL, board TEXT, threads INTEGER NOT NULL,
        trusted INTEGER NOT NULL, emulated TEXT, record TEXT NOT NULL
    ) STRICT
"""
_INSERT = "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NEWEST_FIRST = "ORDER BY started_s DESC, id LIMIT ?"
_HINTS = {
    "SQLITE_NOTADB": "is damaged or not a results store; move it away, and the next run creates a new one",
    "SQLITE_CORRUPT": "is damaged; move it away, and the next run creates a new one",
    "SQLITE_FULL": "cannot grow because the disk is full; free some space and measure again",
    "SQLITE_IOERR": "cannot be read or written; check the disk, its free space and your quota",
    "SQLITE_READONLY": "cannot be written; choose another file with --results or EDGEWISE_RESULTS",
    "SQLITE_CANTOPEN": "cannot be opened or created; choose another file with --results or EDGEWISE_RESULTS",
    "SQLITE_PERM": "cannot be opened; choose another file with --results or EDGEWISE_RESULTS",
    "SQLITE_BUSY": f"was locked by another program for {_PATIENCE_S:g} s; stop it and try again",
}


def default_path() -> Path:
    """EDGEWISE_RESULTS, or a file in the system's folder for user data."""
    if named := os.environ.get("EDGEWISE_RESULTS"):
        return Path(named).expanduser()
    if sys.platform == "win32":
        place = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        place = Path.home() / "Library" / "Application Support"
    else:
        wanted = Path(os.environ.get("XDG_DATA_HOME", ""))
        place = wanted if wanted.is_absolute() else Path.home() / ".local" / "share"  # as specified by XDG
    return place / "edgewise" / "results.sqlite"


class Store:
    """The records in the file `path`, which need not exist yet.

    Every method raises an `EdgewiseError` if the file is damaged, from a newer edgewise, or inaccessible.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, record: Record) -> None:
        """Add a record; one that is already there is not changed."""
        row = _row(record)
        with self._open(write=True) as database:
            database.execute(f"{_INSERT} ON CONFLICT (id) DO NOTHING", row)

    def add(self, records: list[Record]) -> None:
        """Add new records: either all of them or none.

        Raises:
            UsageError: the id of a record is already in the store.
        """
        with self._open(write=True) as database:
            for record in records:
                if database.execute("SELECT 1 FROM results WHERE id = ?", (record.id,)).fetchone():
                    raise UsageError(f"{record.id!r} is already in {self.path}; nothing was added")
                database.execute(_INSERT, _row(record))

    def select(  # noqa: PLR0913 - one parameter per filter
        self,
        *,
        model: str | None = None,
        target: str | None = None,
        precision: str | None = None,
        device: str | None = None,
        since: datetime | None = None,
        trusted: bool | None = None,
        limit: int | None = None,
    ) -> list[Record]:
        """The records that match all given filters, newest first."""
        wanted: dict[str, object] = {
            "model = ?": model,
            "target = ?": target,
            "precision = ?": precision,
            "device = ?": device,
            "started_s >= ?": None if since is None else since.timestamp(),
            "trusted = ?": trusted,
        }
        given = {clause: value for clause, value in wanted.items() if value is not None}
        return self._read(" AND ".join(given) or "TRUE", *given.values(), limit=limit)

    def find(self, prefix: str) -> Record:
        """The only record whose id begins with `prefix`.

        Raises:
            UsageError: no id does, or several do.
        """
        found = self._read("substr(id, 1, length(?)) = ?", prefix, prefix, limit=2) if prefix else []
        if len(found) != 1:
            many = "matches several ids" if found else "matches no id"
            raise UsageError(f"{prefix!r} {many} in {self.path}; list them with `edgewise results`")
        return found[0]

    def last_undisturbed(self, record: Record) -> Record | None:
        """The newest earlier record of the same model, device and threads with no reason against it.

        It is trusted, or the device does not show enough for that, as a virtual machine never does.
        """
        clauses = (
            "(trusted OR json_array_length(record, '$.verdict.reasons') = 0) AND emulated IS NULL "
            "AND run <> ? AND started_s <= ? AND model = ? AND target = ? AND precision = ? AND part = ? "
            "AND device = ? AND board IS ? AND threads = ?"
        )
        model = record.model
        asked = (record.run, _seconds(record.started), model.name, model.target, model.precision, model.part)
        found = self._read(clauses, *asked, record.device, record.machine.board, record.threads, limit=1)
        return found[0] if found else None

    def _read(self, clauses: str, *values: object, limit: int | None) -> list[Record]:
        query = f"SELECT record FROM results WHERE {clauses} {_NEWEST_FIRST}"  # noqa: S608 - our clauses
        with self._open(write=False) as database:
            if not _ours(self.path, database):
                return []
            rows = database.execute(query, (*values, -1 if limit is None else limit)).fetchall()
        return [Record.from_json(json.loads(text)) for (text,) in rows]

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """The database in a transaction, which is committed if the block succeeds."""
        try:
            if write:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(_connect(self.path, write=write)) as database:
                # Taking the lock immediately makes two writers wait for each other instead of failing.
                database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                if write and not _ours(self.path, database):
                    database.execute(_CREATE)
                    database.execute(f"PRAGMA user_version = {SCHEMA}")
                yield database
                database.execute("COMMIT")
        except OSError as error:
            raise EdgewiseError(f"{self.path}: {_HINTS['SQLITE_CANTOPEN']} ({error.strerror})") from error
        except sqlite3.Error as error:
            kind = "_".join((getattr(error, "sqlite_errorname", None) or "").split("_")[:2])
            raise EdgewiseError(f"{self.path}: {_HINTS.get(kind, 'cannot be used')} ({error})") from error


def _row(record: Record) -> tuple[object, ...]:
    """The columns for searching, and the whole record as JSON."""
    return (
        record.id,
        record.run,
        _seconds(record.started),
        record.model.name,
        record.model.target,
        record.model.precision,
        record.model.part,
        record.device,
        record.machine.board,
        record.threads,
        record.verdict.trusted,
        record.machine.emulated,
        json.dumps(record.to_json(), allow_nan=False),
    )


def _connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open the file, which only a writer creates: a reader treats a missing file as empty.

    A reader opens it for writing too if permitted, to roll back what a killed writer left behind.
    """
    place = f"{path.absolute().as_uri()}?mode={'rwc' if write else 'rw'}"
    if not write and not path.exists():
        place = ":memory:"
    database = sqlite3.connect(place, timeout=_PATIENCE_S, isolation_level=None, uri=True)
    database.execute("PRAGMA synchronous = FULL")
    return database


def _ours(path: Path, database: sqlite3.Connection) -> bool:
    """Whether the file contains our table; False if it is empty.

    Raises:
        EdgewiseError: it contains something else, or was written by a newer edgewise.
    """
    (schema,) = database.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if schema > SCHEMA:
        raise EdgewiseError(
            f"{path}: was written by a newer edgewise (schema {schema}, this version reads {SCHEMA}); "
            "update edgewise to read it"
        )
    if tables and (schema < 1 or "results" not in tables):
        raise EdgewiseError(f"{path}: is another program's database; choose another file with --results")
    return bool(tables)


def _seconds(started: str) -> float:
    """Seconds since 1970 of an ISO 8601 time, in UTC unless it says otherwise."""
    moment = datetime.fromisoformat(started)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
