"""The files for people beside a model: the report, the answers, a model card and a program that runs it."""

import json
from pathlib import Path
from typing import Any

from ...export.engines import importing
from ...export.facts import TARGETS
from ...export.precision import Precision
from ...models.requirements import package, requirements
from ...models.sizes import both
from ...models.spec import ModelSpec
from . import sections
from .evidence import Evidence
from .fields import Fields
from .headline import headline
from .page import rendered
from .predictions import to_csv

_HERE = Path(__file__).parent
_RUNTIMES = _HERE.parents[1] / "runtime"  # each target has its part of run.py there


def documents(manifest: dict[str, Any], evidence: Evidence) -> dict[str, bytes]:
    """The files by their names, for the bundle of `manifest`.

    Raises:
        MissingDependencyError: Jinja or matplotlib is not installed.
    """
    manifest = json.loads(json.dumps(manifest))  # as it is read back: lists, and plain text
    found = {"report.html": rendered(manifest, evidence), **_texts(manifest, evidence)}
    answers = {"predictions.csv": to_csv(evidence.predictions)} if evidence.predictions else {}
    return {name: text.encode() for name, text in found.items()} | answers


def _texts(manifest: dict[str, Any], evidence: Evidence) -> dict[str, str]:
    with importing("Writing a report", "report"):
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    # A program and Markdown, not HTML: class names reach neither but through `_words`.
    text = Environment(  # noqa: S701
        loader=FileSystemLoader([_HERE, _RUNTIMES]),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    fields, spec, target = Fields(manifest), ModelSpec.from_json(manifest["spec"]), manifest["target"]
    height, width, channels = spec.preprocess.shape
    resize, (needed, *_) = spec.preprocess.resize, requirements(TARGETS[target].extra) or [target]
    run = text.get_template(f"{target}/run.py.j2").render(
        model=manifest["model"],
        io=manifest["io"],
        package=package(needed),
        short=resize if isinstance(resize, int) else None,
        resize=both(resize),
        filter=spec.preprocess.interpolation.upper(),
        height=height,
        width=width,
        channels=channels,
        mean=json.dumps(spec.preprocess.mean),
        std=json.dumps(spec.preprocess.std),
    )
    card = text.get_template("README.md.j2").render(
        name=manifest["name"],
        target=target,
        precision=manifest["precision"],
        integer=Precision(manifest["precision"]).integer,
        package=package(needed),
        headline=headline(fields),
        accuracy=[tuple(map(_words, row)) for row in sections.accuracy(fields)],
        assumptions=[tuple(map(_words, row)) for row in sections.assumptions(fields)],
        command=evidence.command,
    )
    return {"README.md": card, "run.py": run}


def _words(text: str) -> str:
    """Text in which Markdown sees no markup: class names may have some."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>#|" else letter for letter in text)
