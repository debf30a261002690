"""The report of a file that failed a gate: no bundle holds it, so it lies where the bundle would be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..models.errors import EdgewiseError
from ..models.files import write_file
from ..runtime.bench.latency import Latency
from .documented import with_evidence
from .judging import Judging
from .product import Draft, measured
from .progress import Journal
from .report import rendered
from .request import ConvertRequest

_SUFFIX = ".failed.html"


class Refusals:
    """Writes a report for each file that failed; `place` gives the folder of its bundle."""

    def __init__(
        self, request: ConvertRequest, by: Judging, journal: Journal, place: Callable[[Draft], Path]
    ) -> None:
        self._request, self._by, self._journal, self._place = request, by, journal, place

    def report(self, draft: Draft, error: EdgewiseError, latency: Latency | None = None) -> None:
        """Write what was measured until `error`, if the request wants reports; `error.report` is its path.

        A report that cannot be written becomes a notice: the error itself says more.
        """
        if not self._request.report:
            return
        path = report_path(self._place(draft))
        try:
            with self._journal.unplanned(), self._journal.stage(f"Write the report of {draft.file.title}"):
                page = self._page(draft, error, latency)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_file(path, page.encode("utf-8", "replace"))
        except (OSError, EdgewiseError) as fault:
            reason = getattr(fault, "strerror", None) or fault
            self._journal.notice(f"{path}: the report cannot be written ({reason})")
        else:
            error.report = path

    def _page(self, draft: Draft, error: EdgewiseError, latency: Latency | None) -> str:
        if draft.evidence is None:
            draft = with_evidence(draft, self._by, self._request)
        artifact, twin = draft.file.artifact, draft.twin.artifact
        sizes = {twin.file_name: draft.twin.structure, artifact.file_name: draft.file.structure}
        manifest: dict[str, Any] = {
            "name": artifact.spec.name,
            "target": artifact.target,
            "precision": str(artifact.precision),
            "model": artifact.file_name,
            "reference": twin.file_name,
            "spec": artifact.spec.to_json(),
            "files": {name: {"size_bytes": found.size_bytes} for name, found in sizes.items()},
            **measured(draft, latency, self._by.workshop, self._journal.notices),
        }
        assert draft.evidence is not None  # noqa: S101 - it was collected above
        return rendered(manifest, replace(draft.evidence, refused=error))


def forget(folder: Path) -> None:
    """Remove the report of an earlier failure, now that the bundle is there."""
    report_path(folder).unlink(missing_ok=True)


def report_path(folder: Path) -> Path:
    """Where the report of a bundle that was not written is: 'dist/net-tflite-w8a8.failed.html'."""
    folder = folder if folder.name.strip(".") else folder.resolve()
    return folder.with_name(f"{folder.name}{_SUFFIX}")
