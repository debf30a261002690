"""Write the JSON Schema of every document that edgewise prints: docs/schemas/NAME.schema.json.

    uv run python docs/tools/schemas.py

What is a dataclass in the code is read from there, with its docstring; the rest is written down here. A
document may gain fields without a new `schema_version`, so a schema allows fields that it does not name.
"""

import inspect
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from edgewise.export.facts import TARGETS
from edgewise.models.complexity import Complexity
from edgewise.models.spec import Preprocess
from edgewise.models.training.plan import TrainingResult
from edgewise.models.zoo import Architecture
from edgewise.pipeline.doctor import KnownWeights, TargetStatus
from edgewise.pipeline.document import VERSIONS
from edgewise.pipeline.gain import MemberCost, MemberScore
from edgewise.pipeline.libraries import InstalledLibrary
from edgewise.pipeline.recommend.candidates import Candidate
from edgewise.pipeline.recommend.choice import Wishes
from edgewise.pipeline.sweep.cache import CacheLine
from edgewise.pipeline.sweep.figures import SweepRow
from edgewise.runtime.bench.compare import Comparison
from edgewise.runtime.bench.record import SCHEMA as RECORD_SCHEMA
from edgewise.runtime.bench.record import Record
from edgewise.runtime.classifier import Answer
from edgewise.runtime.devices.answers import BoardCheck
from edgewise.runtime.devices.board import Finding
from edgewise.runtime.devices.demo import ShownModel
from edgewise.runtime.judge.drop import Verdict
from edgewise.runtime.judge.golden import GoldenCheck
from edgewise.runtime.judge.matrix import ComparedPair
from edgewise.runtime.judge.observed import Observed
from edgewise.runtime.judge.regression import Check
from edgewise.runtime.judge.stats import Accuracy
from edgewise.runtime.judge.verdict import Basis, Verification
from edgewise.runtime.structure import Structure

SCHEMAS = Path(__file__).parents[1] / "schemas"

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
NUMBER: Json = {"type": "number"}
YES_NO: Json = {"type": "boolean"}
ANYTHING: Json = {}
SHA256: Json = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
TARGET: Json = {"enum": [*TARGETS]}
PLAIN: dict[Any, Json] = {
    Any: ANYTHING,
    bool: YES_NO,
    float: NUMBER,
    int: {"type": "integer"},
    str: TEXT,
    Path: TEXT,
    type(None): {"type": "null"},
}


def described(text: str, schema: Json) -> Json:
    """The schema with a sentence that says what the value is."""
    return {"description": text, **schema}


def array(items: Json) -> Json:
    """A list of such items."""
    return {"type": "array", "items": items}


def mapping(values: Json) -> Json:
    """An object of any names with such values."""
    return {"type": "object", "additionalProperties": values}


def or_null(schema: Json) -> Json:
    """Such a value, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(optional: Mapping[str, Json] | None = None, /, **required: Json) -> Json:
    """An object with these fields."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


class Definitions:
    """The dataclasses that a schema refers to, each defined once."""

    def __init__(self) -> None:
        self.found: dict[str, Json] = {}

    def of(self, kind: Any) -> Json:
        """The schema of a type, as `dataclasses.asdict` and JSON write its values."""
        if kind in PLAIN:
            return PLAIN[kind]
        if (origin := get_origin(kind)) is not None:
            return self._generic(origin, get_args(kind))
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return {"enum": [member.value for member in kind]}
        if not is_dataclass(kind):
            raise TypeError(f"no schema for {kind!r}")
        return self._dataclass(kind)

    def _generic(self, origin: Any, parts: tuple[Any, ...]) -> Json:
        if origin is tuple and parts[-1] is not ...:
            places = [self.of(part) for part in parts]
            return {"type": "array", "prefixItems": places, "items": False, "minItems": len(places)}
        makers: dict[Any, Callable[[], Json]] = {
            Literal: lambda: {"enum": list(parts)},
            dict: lambda: mapping(self.of(parts[1])),
            list: lambda: array(self.of(parts[0])),
            tuple: lambda: array(self.of(parts[0])),
            types.UnionType: lambda: {"anyOf": [self.of(part) for part in parts]},
            Union: lambda: {"anyOf": [self.of(part) for part in parts]},
        }
        return makers[origin]()

    def _dataclass(self, kind: Any) -> Json:
        name = kind.__name__
        if name not in self.found:
            self.found[name] = {}  # a type may hold itself
            hints = get_type_hints(kind)
            self.found[name] = described(
                summary(kind), record(**{entry.name: self.of(hints[entry.name]) for entry in fields(kind)})
            )
        return {"$ref": f"#/$defs/{name}"}

    def with_fields(self, kind: Any, **more: Json) -> Json:
        """A dataclass with fields that its `to_json` adds."""
        self.of(kind)
        own = self.found[kind.__name__]
        own["properties"] |= more
        own["required"] = [*own["properties"]]
        return {"$ref": f"#/$defs/{kind.__name__}"}


def summary(kind: Any) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


def structure(defined: Definitions) -> Json:
    """A model file as its engine reads it."""
    return defined.with_fields(Structure, precision=TEXT, islands=mapping(COUNT))


def manifest() -> Json:
    """What is in every manifest.json; commands add sections to it."""
    return described(
        "The bundle's manifest.json; the sections about calibration, verification and latency depend on its "
        "precision",
        {
            **record(
                schema={"const": 1},
                name=TEXT,
                target=TARGET,
                precision=TEXT,
                io={"enum": ["float32", "int8", "uint8"]},
                model=TEXT,
                reference=or_null(TEXT),
                spec={"type": "object"},
                details={"type": "object"},
                files=mapping(record(sha256=SHA256, size_bytes=COUNT)),
            ),
            "additionalProperties": True,
        },
    )


def bench_record(defined: Definitions) -> Json:
    """A latency record, which carries its own version."""
    return defined.with_fields(Record, schema={"const": RECORD_SCHEMA})


def conversion(defined: Definitions) -> Json:
    """The fields of a conversion, which an ensemble has too."""
    product = record(
        bundle=TEXT,
        target=TARGET,
        requested=described("The precision that was asked for", TEXT),
        precision=described("The precision that the model has", TEXT),
        as_requested=described("Whether recovery left the precision as it was asked for", YES_NO),
        verdict=defined.of(Verdict),
        basis=described("What the verdict rests on", defined.of(Basis)),
        pace=described(
            "Whether it is faster or slower than float on this machine",
            or_null({"enum": ["faster", "slower", "alike"]}),
        ),
        float_size_bytes=COUNT,
        size_bytes=COUNT,
        manifest=manifest(),
    )
    return record(
        {"android": described("What --android wrote", record(**android(defined)))},
        as_requested=described("Whether every bundle has the precision that was asked for", YES_NO),
        bundles=array(product),
        failures=described(
            "Files that were asked for and not written, each with its error",
            array(
                record(
                    target=TARGET,
                    requested=described("The precision that was asked for", TEXT),
                    message=TEXT,
                    exit_code=COUNT,
                    exit_name=TEXT,
                    details={"type": "object"},
                )
            ),
        ),
        notices=array(TEXT),
        seconds=described("Wall time of each stage by its title", mapping(NUMBER)),
    )


def android(defined: Definitions) -> dict[str, Json]:
    """The fields of what an app was given."""
    return {
        "assets": TEXT,
        "bundle": TEXT,
        "files": COUNT,
        "size_bytes": COUNT,
        "golden": defined.of(GoldenCheck),
        "verification": or_null(defined.of(Verification)),
        "manifest": manifest(),
    }


def machine() -> Json:
    """The machine that ran the command."""
    return record(
        architecture=TEXT,
        system=TEXT,
        processor=or_null(TEXT),
        extensions=or_null(array(TEXT)),
        isa=described("What INT8 arithmetic depends on", TEXT),
        saturates=described("Whether INT8 products can saturate", YES_NO),
        cores=or_null(COUNT),
        memory_bytes=or_null(COUNT),
    )


def contents(defined: Definitions) -> dict[str, tuple[str, Json]]:
    """For each document what it is and its fields."""
    of = defined.of
    pictures = record(pictures=TEXT, count=COUNT)
    member = defined.with_fields(MemberScore, files=array(of(MemberCost)))
    ensemble = record(
        average={"enum": ["probabilities", "logits"]},
        fitted_on=or_null(pictures),
        judged_on=pictures,
        models=array(member),
    )
    whole = conversion(defined)
    combined = {**whole, "properties": {**whole["properties"], "ensemble": ensemble}}
    combined["required"] = [*whole["required"], "ensemble"]
    data_class = record(name=TEXT, id=or_null(TEXT), train=COUNT, val=COUNT)
    return {
        "android": (
            "What `edgewise android` wrote into an app.",
            record(
                build=described("The command that builds and installs it, with --build", or_null(TEXT)),
                **android(defined),
            ),
        ),
        "bench": (
            "What `edgewise bench` and `edgewise.bench` measured: latency records and how they compare.",
            record(
                records=array(bench_record(defined)),
                comparisons=array(of(Comparison)),
                errors=described(
                    "Devices that failed", array(record(device=TEXT, error=TEXT, exit_code=COUNT))
                ),
                notices=array(TEXT),
                results=described("The file that the records were added to", or_null(TEXT)),
            ),
        ),
        "comparison": (
            "What `edgewise compare` and `edgewise.compare` found: every model against every other.",
            record(
                pictures=TEXT,
                count=COUNT,
                skipped=described("Pictures that could not be read", COUNT),
                isa=TEXT,
                models=array(record(name=TEXT, path=or_null(TEXT), accuracy=or_null(of(Accuracy)))),
                pairs=array(of(ComparedPair)),
                notices=array(TEXT),
            ),
        ),
        "conversion": (
            "What `edgewise export` and `edgewise.convert` made: a network in proven bundles.",
            whole,
        ),
        "data": (
            "What `edgewise data show` found in a folder of labelled pictures.",
            record(
                description=TEXT,
                train=COUNT,
                val=COUNT,
                imbalance=described("Pictures of the largest class for each of the smallest", NUMBER),
                classes=array(data_class),
                kinds=described("Pictures that are not plain RGB, by kind", mapping(COUNT)),
                corrupt=described("Files that were left out, each with the reason", array(TEXT)),
                notes=array(TEXT),
            ),
        ),
        "data-made": (
            "What `edgewise data make` wrote: generated pictures in a folder.",
            record(folder=TEXT, train=COUNT, val=COUNT, size=COUNT, seed={"type": "integer"}),
        ),
        "demo": (
            "What `edgewise demo` showed: each model, with its golden sample in the browser.",
            record(models=array(defined.with_fields(ShownModel, passed=YES_NO))),
        ),
        "device-check": (
            "What `edgewise device check` found on a board.",
            record(device=TEXT, board=or_null(TEXT), findings=array(of(Finding))),
        ),
        "device-setup": (
            "What `edgewise device setup` installed on a board.",
            record(device=TEXT, targets=described("The engine's version for each target", mapping(TEXT))),
        ),
        "doctor": (
            "What `edgewise doctor` found: what can be exported and run on this machine.",
            record(
                deep=described("Whether every library was imported, as --deep does", YES_NO),
                edgewise=TEXT,
                python=TEXT,
                machine=machine(),
                libraries=mapping(of(InstalledLibrary)),
                extras=mapping(or_null(TEXT)),
                targets=mapping(of(TargetStatus)),
                weights=described(
                    "Whether the weights of each network are cached or come with edgewise",
                    mapping(of(KnownWeights)),
                ),
                install=described("The command that installs everything that is missing", or_null(TEXT)),
            ),
        ),
        "ensemble": (
            "What `edgewise ensemble` and `edgewise.ensemble` made: networks in one graph, in bundles.",
            combined,
        ),
        "gate": (
            "What `edgewise gate` and `edgewise.gate` found: a bundle beside an older one.",
            record(
                bundle=TEXT,
                baseline=TEXT,
                pictures=TEXT,
                count=COUNT,
                verdict=defined.of(Verdict),
                passed=YES_NO,
                checks=array(defined.with_fields(Check, verdict=defined.of(Verdict))),
                notices=array(TEXT),
            ),
        ),
        "inspection": (
            "What `edgewise inspect` and `edgewise.inspect` read: a model file as its engine sees it.",
            record(
                path=TEXT,
                target=TARGET,
                structure=structure(defined),
                refusal=described("Why edgewise cannot classify pictures with the file", or_null(TEXT)),
                observed=described(
                    "How often products exceeded 16 bits on the pictures of --calib",
                    or_null(defined.of(Observed)),
                ),
                manifest=or_null(manifest()),
            ),
        ),
        "measured": (
            "What `edgewise compare --measured` shows: files of sweeps, and their Pareto front.",
            record(files=array(of(Candidate)), front=array(of(Candidate))),
        ),
        "network": (
            "What `edgewise models NAME` counted: parameters and MACs of one network.",
            record(
                architecture=of(Architecture),
                counted=of(Complexity),
                parameters_in_training=or_null(COUNT),
                deviation_percent=described(
                    "Percent above the published figures", or_null(record(parameters=NUMBER, macs=NUMBER))
                ),
                weights=or_null(TEXT),
                preprocess=of(Preprocess),
            ),
        ),
        "networks": (
            "What `edgewise models` lists: the networks that edgewise knows by name.",
            record(networks=array(of(Architecture))),
        ),
        "prediction": (
            "What `edgewise predict` answered: the likeliest classes of each picture.",
            record(
                bundle=TEXT,
                predictions=array(record(image=TEXT, answers=array(answer()))),
            ),
        ),
        "recommendation": (
            "What `edgewise recommend` ranks: files that keep all wishes, the best one first.",
            record(wishes=of(Wishes), ranked=array(of(Candidate)), paragraph=TEXT, command=TEXT),
        ),
        "report": (
            "What `edgewise report` and `edgewise.report` wrote: a page, and what is on it.",
            record(path=TEXT, bundles=array(TEXT), records=array(TEXT)),
        ),
        "record": (
            "What `edgewise results ID` shows: one latency record.",
            record(record=bench_record(defined)),
        ),
        "results": (
            "What `edgewise results` lists: the latency records that were kept.",
            record(results=TEXT, records=array(bench_record(defined))),
        ),
        "run": (
            "What `edgewise run` did: the steps of a pipeline file.",
            record(
                file=TEXT,
                folder=TEXT,
                dry_run=YES_NO,
                steps=array(
                    record(
                        number=COUNT,
                        command=TEXT,
                        exit_code=described("Null for a step that did not run", or_null({"type": "integer"})),
                        seconds=or_null(NUMBER),
                        document=described(
                            "What the step printed with --json",
                            or_null({"type": "object", "additionalProperties": True}),
                        ),
                    )
                ),
            ),
        ),
        "results-compared": (
            "What `edgewise results ID ID` compares: two latency records.",
            record(
                older=TEXT,
                newer=TEXT,
                ratio=described("Median of the newer over the median of the older", NUMBER),
                in_turn=described("Whether one run measured both in alternation", YES_NO),
                differences=mapping(record(older=ANYTHING, newer=ANYTHING)),
            ),
        ),
        "sweep": (
            "What `edgewise sweep` made and measured: a row for each network, target and precision.",
            record(
                {"against": described("How it compares with an older sweep", scorecard(defined))},
                rows=array(of(SweepRow)),
                versions=described("Versions of edgewise and of the libraries", mapping(TEXT)),
                machine=machine(),
                seconds=NUMBER,
                made=described("Files that were made or tried", COUNT),
                reused=described("Files that the cache had", COUNT),
                failed=COUNT,
                cache=TEXT,
                notices=array(TEXT),
            ),
        ),
        "sweep-cache": (
            "What `edgewise sweep --cache-list` found, or `--cache-clear` removed.",
            record(cache=TEXT, cleared=YES_NO, entries=array(of(CacheLine))),
        ),
        "training": (
            "What `edgewise train` and `edgewise.train` made: a checkpoint with its figures.",
            record(
                **{name: of(kind) for name, kind in get_type_hints(TrainingResult).items()},
                report=described("The page about the run", or_null(TEXT)),
                notices=array(TEXT),
            ),
        ),
        "verification": (
            "What `edgewise verify` and `edgewise.verify` found: a bundle, checked again on this machine.",
            record(
                bundle=TEXT,
                golden=of(GoldenCheck),
                verification=or_null(of(Verification)),
                notices=array(TEXT),
                board=or_null(of(BoardCheck)),
            ),
        ),
    }


def scorecard(defined: Definitions) -> Json:
    """`Scorecard.to_json`."""
    check = or_null(defined.with_fields(Check, verdict=defined.of(Verdict)))
    scored = array(record(file=TEXT, text=TEXT, check=check))
    return record(
        against=TEXT,
        passed=YES_NO,
        better=scored,
        worse=scored,
        slipped=scored,
        compared=COUNT,
        missing=array(TEXT),
        added=array(TEXT),
        changes=array(TEXT),
    )


def answer() -> Json:
    """`Answer.to_json`, which has other names than its fields."""
    assert [entry.name for entry in fields(Answer)] == ["index", "label", "probability"]
    return record(
        **{"class": COUNT},
        label=TEXT,
        probability={"type": "number", "minimum": 0, "maximum": 1},
    )


def error() -> Json:
    """What is printed where a command fails; beside what it had found until then, if anything."""
    return described(
        "What ended the command",
        record(
            message=TEXT,
            exit_code={"type": "integer", "minimum": 1},
            exit_name=TEXT,
            details=described(
                "What the message leaves out", {"type": "object", "additionalProperties": True}
            ),
        ),
    )


def schema(name: str) -> Json:
    """The whole schema of the document called `name`."""
    if name == "error":
        title, body, version, defined = (
            "What every command prints where it fails without a result.",
            record(error=error()),
            1,
            Definitions(),
        )
    else:
        defined, version = Definitions(), VERSIONS[name]
        title, body = contents(defined)[name]
        body = {**body, "properties": {**body["properties"], "error": error()}}
    head = {"schema": {"const": f"edgewise.{name}"}, "schema_version": {"const": version}}
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"edgewise.{name}",
        "description": title,
        **body,
        "properties": {**head, **body["properties"]},
        "required": [*head, *body["required"]],
    }
    used = _used(made, defined.found)
    return {**made, "$defs": {key: defined.found[key] for key in sorted(used)}} if used else made


def _used(part: Any, found: Mapping[str, Json]) -> set[str]:
    """The definitions that a part of a schema refers to, directly or not."""
    names: set[str] = set()
    waiting = [part]
    while waiting:
        text = json.dumps(waiting.pop())
        new = {name for name in found if f'"#/$defs/{name}"' in text} - names
        names |= new
        waiting += [found[name] for name in new]
    return names


def written(name: str) -> str:
    """The text of the schema's file."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def path(name: str) -> Path:
    """The schema's file."""
    return SCHEMAS / f"{name}.schema.json"


def misfits(document: Json) -> list[str]:
    """Where a document does not fit its schema, or has a field that the schema does not name."""
    from jsonschema import Draft202012Validator

    name = str(document["schema"]).removeprefix("edgewise.")
    found = _closed(json.loads(path(name).read_text("utf-8")))
    return [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(found).iter_errors(document)
    ]


def _closed(part: Any) -> Any:
    """A schema in which objects have no fields but those that are named, unless it says that they may."""
    if isinstance(part, list):
        return [_closed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: _closed(inner) for key, inner in part.items()}
    if part.get("type") == "object" and "properties" in part:
        made.setdefault("additionalProperties", False)
    return made


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for known in (*VERSIONS, "error"):
        path(known).write_text(written(known), "utf-8")
