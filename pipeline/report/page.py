"""The page: everything that a manifest and the answers to single pictures tell, in sections."""

import json
from typing import Any

from ...models.printable import printable
from . import figures, sections
from .evidence import Evidence
from .fields import Fields
from .gallery import chosen
from .headline import headline, not_written
from .predictions import confusions
from .templates import filled

_MOST_CLASSES, _MOST_CONFUSIONS, _MOST_LAYERS = 20, 20, 16


def rendered(manifest: dict[str, Any], evidence: Evidence) -> str:
    """The page as HTML.

    Raises:
        MissingDependencyError: Jinja or matplotlib is not installed.
    """
    fields = Fields(json.loads(json.dumps(manifest)))  # as it is read back: lists, and plain text
    refused = evidence.refused
    return filled(
        "page.html.j2",
        manifest=fields,
        headline=headline(fields) if refused is None else not_written(fields, refused),
        accuracy=sections.accuracy(fields),
        interval=_interval(fields),
        warnings=[
            *([] if refused is None else [printable(str(refused))]),
            *fields.texts("verification", "warnings"),
            *fields.texts("notices"),
        ],
        classes=fields.rows("verification", "classes")[:_MOST_CLASSES],
        class_count=len(fields.rows("verification", "classes")),
        confusions=confusions(evidence.predictions)[:_MOST_CONFUSIONS],
        gallery=chosen(evidence.predictions),
        changed=sum(row.changed for row in evidence.predictions),
        thumbnails=evidence.thumbnails,
        layers=_layers(fields),
        layer_rows=fields.rows("layers"),
        recovery=sections.recovery(fields),
        trade=_trade(fields),
        latency=sections.latency(fields),
        times=_times(fields),
        processors=sections.processors(fields),
        assumptions=sections.assumptions(fields),
        provenance=sections.provenance(fields),
        command=evidence.command,
        pipeline=evidence.pipeline(manifest),
    )


def _interval(manifest: Fields) -> str | None:
    """The figure of the loss, measured or estimated."""
    found, limit = manifest.under("verification"), manifest.number("verification", "limits", "max_drop")
    for kind in ("drop", "estimate"):
        low, middle, high = (
            found.number(kind, "interval", "low"),
            found.number(kind, "points"),
            found.number(kind, "interval", "high"),
        )
        if low is not None and middle is not None and high is not None and limit is not None:
            return figures.interval(low, middle, high, limit, found.text("verdict") or "")
    return None


def _layers(manifest: Fields) -> str | None:
    rows = []
    for row in manifest.rows("layers")[:_MOST_LAYERS]:
        name, alone, through = row.text("name"), row.number("sqnr_db"), row.number("through_db")
        if name is not None and alone is not None and through is not None:
            rows.append((name, alone, through))
    return figures.layers(rows) if rows else None


def _trade(manifest: Fields) -> str | None:
    rows = [
        (trial.title, trial.milliseconds, 100 * trial.agreement, trial.size, trial.front)
        for trial in sections.recovery(manifest)
    ]
    if not rows:
        return None
    return figures.trade(rows, "CPU milliseconds for a picture", "agreement with the original in percent")


def _times(manifest: Fields) -> str | None:
    rows = []
    for title, side in (("float", "float"), (manifest.text("precision") or "", "quantized")):
        found = manifest.under("latency", side)
        least, median, high = (found.number(key) for key in ("min_ms", "p50_ms", "p90_ms"))
        if least is not None and median is not None and high is not None:
            rows.append((title, least, median, high))
    return figures.times(rows) if rows else None
