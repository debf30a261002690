"""`edgewise report`: pages about bundles and latency records that are there. Needs no torch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.errors import UsageError
from ..models.files import write_file
from ..models.overrides import PathLike
from ..models.training.run import is_run, so_far
from ..runtime.bench.received import read
from ..runtime.bundle import Bundle
from ..runtime.bundle.atomic import MANIFEST
from .document import document
from .progress import Journal, Progress
from .report import Evidence, from_csv, overview, rendered, require, training_page
from .request import listed

_PREDICTIONS = "predictions.csv"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """The page that was written, and what is on it."""

    path: Path
    bundles: tuple[Path, ...]
    records: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The document `report`."""
        return document(
            "report",
            path=str(self.path),
            bundles=[str(folder) for folder in self.bundles],
            records=[*self.records],
        )


def report(
    paths: PathLike | Iterable[PathLike],
    *,
    out: PathLike = "report.html",
    progress: Progress | None = None,
) -> WrittenReport:
    """Write one self-contained HTML page about bundles and latency records.

    A single bundle, or the folder of a training run, gets the page that was written into it, without
    pictures. Several bundles get a comparison.

    Args:
        paths: Folders of bundles, folders that hold such folders, and JSON files of records, as
            `edgewise bench --json` and `edgewise results --json` print them; or the folder of one training
            run.
        out: The file to write.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: Something is none of these.
        MissingDependencyError: The libraries that write reports are not installed.
        EdgewiseError: A bundle or a record is damaged, or `out` cannot be written.
    """
    require()
    bundles: list[Bundle] = []
    records = []
    paths = listed(paths)
    if runs := [path for path in paths if is_run(path)]:
        return _of_training(runs, len(paths), Path(out), progress)
    for path in paths:
        if path.is_dir():
            bundles += _bundles(path)
        else:
            records += read(path)
    with Journal(progress, 1).stage("Write the report"):
        if len(bundles) == 1 and not records:
            (bundle,) = bundles
            answers = from_csv(bundle.folder / _PREDICTIONS) if _PREDICTIONS in bundle.documents else []
            page = rendered(bundle.manifest, Evidence(answers))
        else:
            page = overview([(bundle.folder.resolve().name, bundle.manifest) for bundle in bundles], records)
        write_file(Path(out), page.encode("utf-8", "replace"))
    return WrittenReport(
        Path(out), tuple(bundle.folder for bundle in bundles), tuple(record.id for record in records)
    )


def _of_training(runs: list[Path], count: int, out: Path, progress: Progress | None) -> WrittenReport:
    """The page of the one run."""
    if count > 1:
        raise UsageError(f"{runs[0]}: is a training run; pass it alone")
    found = so_far(runs[0])
    with Journal(progress, 1).stage("Write the report"):
        write_file(out, training_page(found, {}).encode("utf-8", "replace"))
    return WrittenReport(out, (), ())


def _bundles(folder: Path) -> Iterator[Bundle]:
    if (folder / MANIFEST).exists():
        yield Bundle.open(folder)
        return
    found = sorted(entry.parent for entry in folder.glob(f"*/{MANIFEST}"))
    if not found:
        raise UsageError(f"{folder}: is no bundle and holds none; pass a folder written by `edgewise export`")
    yield from map(Bundle.open, found)
