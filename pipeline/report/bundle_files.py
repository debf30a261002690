"""The files for people beside a model: the report, the answers, a model card and a program that runs it."""

import json
from typing import Any

from ...export.facts import TARGETS
from ...export.precision import Precision
from ...models.requirements import package, requirements
from ...models.sizes import both
from ...models.spec import ModelSpec
from ...models.tables import to_csv
from . import sections
from .evidence import Evidence
from .fields import Fields
from .headline import headline
from .page import rendered
from .predictions import Prediction
from .templates import filled


def documents(manifest: dict[str, Any], evidence: Evidence) -> dict[str, bytes]:
    """The files by their names, for the bundle of `manifest`, whose names are those of an export.

    Raises:
        MissingDependencyError: Jinja or matplotlib is not installed.
    """
    found = {"report.html": rendered(manifest, evidence), **_texts(manifest, evidence)}
    answers = {"predictions.csv": to_csv(Prediction, evidence.predictions)} if evidence.predictions else {}
    return {name: text.encode() for name, text in found.items()} | answers


def _texts(manifest: dict[str, Any], evidence: Evidence) -> dict[str, str]:
    manifest = json.loads(json.dumps(manifest))  # as it is read back: lists, and plain text
    fields, spec, target = Fields(manifest), ModelSpec.from_json(manifest["spec"]), manifest["target"]
    height, width, channels = spec.preprocess.shape
    resize, (needed, *_) = spec.preprocess.resize, requirements(TARGETS[target].extra) or [target]
    run = filled(
        f"{target}/run.py.j2",
        model=manifest["model"],
        io=manifest["io"],
        package=package(needed),
        short=resize if isinstance(resize, int) else None,
        resize=both(resize),
        filter=spec.preprocess.interpolation.upper(),
        height=height,
        width=width,
        channels=channels,
        classes=len(spec.labels),
        mean=json.dumps(spec.preprocess.mean),
        std=json.dumps(spec.preprocess.std),
    )
    card = filled(
        "README.md.j2",
        name=_words(manifest["name"]),
        target=target,
        precision=manifest["precision"],
        integer=Precision(manifest["precision"]).integer,
        package=package(needed),
        headline=headline(fields),
        accuracy=[tuple(map(_words, row)) for row in sections.accuracy(fields)],
        assumptions=[tuple(map(_words, row)) for row in sections.assumptions(fields)],
        command=evidence.command,
        pipeline=evidence.pipeline(manifest),
    )
    return {"README.md": card, "run.py": run}


def _words(text: str) -> str:
    """Text in which Markdown sees no markup: class names may have some."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>#|" else letter for letter in text)
