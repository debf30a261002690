"""What `fuzz.py` mutates, how that is opened, and what may not come out of it."""

import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

import fuzz_mutations as mutations
from fuzz_children import Case, EndError, command

import edgewise
from edgewise.models.images import find_images, read_image
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime import android
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.judge import evaluation

_AGREEMENT = 0.75  # the least that `verify` asks for between INT8 and float
_PICTURES = [dead_leaves(48, 77, index) for index in range(24)]
_JUDGED = ("verify", "gate", "android")  # they look at answers, the others at descriptions
_WAYS = ("predict", "verify", "verify", "inspect", "android", "gate", "compare", "report")


class Mutant(NamedTuple):
    """What was changed, and how it is opened: by the function that a command calls, or by the program."""

    what: str
    call: Case
    run: Case


Group: TypeAlias = Callable[[Path, Path, random.Random], Mutant]  # of the sources and an empty folder


def bundle(sources: Path, work: Path, draw: random.Random) -> Mutant:
    """A bundle of one of the targets, with right digests."""
    original = draw.choice(sorted(path.parent for path in sources.glob("*/manifest.json")))
    mutant = Path(shutil.copytree(original, work / "bundle"))
    what = draw.choice(mutations.BUNDLES)(mutant, draw)
    way = draw.choice(_WAYS)
    if way == "android" and Bundle.open(original).target != android.TARGET:
        way = "verify"
    call = partial(_called, mutant, original, way)
    run = partial(command, *map(str, _arguments(mutant, original, way)))
    judge = partial(_require_same, mutant, original, way)
    return Mutant(what, partial(_both, call, judge), partial(_both, run, judge))


def warm(sources: Path) -> None:
    """Draw the pictures that judge the bundles, which then are there in every child."""
    for path in sources.glob("*/manifest.json"):
        spec = Bundle.open(path.parent).spec
        pictures = evaluation.choose(spec, None, evaluation.GENERATED, (), 0)
        for number in range(pictures.count):
            pictures.read(number, spec.preprocess)


def _both(first: Case, second: Case) -> None:
    first()
    second()


def _called(mutant: Path, original: Path, way: str) -> None:
    if way == "predict":
        edgewise.open_bundle(mutant).predict(original / "golden" / "image.png")
    elif way == "inspect":
        edgewise.inspect(mutant).require()
    elif way == "gate":
        edgewise.gate(mutant, original, latency=False).require()
    elif way == "compare":
        edgewise.compare([mutant, original], torch=False)
    elif way == "report":
        edgewise.report(mutant, out=mutant.with_name("report.html"))
    else:
        if way == "android":
            android.check(Bundle.open(mutant))
        edgewise.verify(mutant).require()


def _arguments(mutant: Path, original: Path, way: str) -> tuple[str | Path, ...]:
    more: dict[str, tuple[str | Path, ...]] = {
        "predict": (original / "golden" / "image.png",),
        "gate": ("--baseline", original, "--no-latency"),
        "compare": (original,),
        "report": ("--out", mutant.with_name("report.html")),
        "android": (mutant.with_name("assets"),),
    }
    return (way, mutant, *more.get(way, ()))


def _require_same(mutant: Path, original: Path, way: str) -> None:
    """The names of classes never change; where answers are judged, most of them stay as they were."""
    if way in {"inspect", "report"}:
        return
    found, healthy = edgewise.open_bundle(mutant), edgewise.open_bundle(original)
    if found.labels != healthy.labels:
        raise EndError("wrong answer", f"labels {found.labels} instead of {healthy.labels}")
    if way not in _JUDGED:
        return
    told, expected = (
        [answers[0].label for answers in model.predict(_PICTURES, top=1)] for model in (found, healthy)
    )
    same = sum(map(str.__eq__, told, expected))
    if same < _AGREEMENT * len(_PICTURES):
        raise EndError("wrong answer", f"{way}: {same} of {len(_PICTURES)} answers are those of the original")


def checkpoint(sources: Path, work: Path, draw: random.Random) -> Mutant:
    """A checkpoint: of edgewise in .safetensors with its description, or weights in .pth."""
    original = draw.choice(sorted([*sources.glob("*.safetensors"), *sources.glob("*.pth")]))
    path = work / original.name
    change = mutations.in_header if path.suffix == ".safetensors" else mutations.changed
    path.write_bytes(change(original.read_bytes(), draw))
    model = [str(path)]
    if path.suffix == ".pth":
        model = ["mobilenetv1_025", "--weights", str(path), "--mean", "0.5", "--std", "0.5"]
    run = partial(command, "export", *model, "--imgsz", "32", "--to", "onnx", "--out", str(work / "out"))
    return Mutant(f"a {path.suffix} file", partial(_loaded, path), run)


def _loaded(path: Path) -> None:
    if path.suffix == ".pth":
        edgewise.load_model("mobilenetv1_025", weights=path, imgsz=32)
    else:
        edgewise.load_model(path, imgsz=32)


def picture(sources: Path, work: Path, draw: random.Random) -> Mutant:
    """A picture in one of the formats that are read."""
    original = draw.choice([path for path in find_images(sources) if path.parent == sources])
    path = work / original.name
    path.write_bytes(mutations.changed(original.read_bytes(), draw))
    run = partial(command, "predict", str(sources / "onnx"), str(path))
    return Mutant(f"a {path.suffix} file", partial(_read, path), run)


def _read(path: Path) -> None:
    read_image(path).resize((32, 32))


GROUPS: dict[str, Group] = {"bundles": bundle, "checkpoints": checkpoint, "pictures": picture}
