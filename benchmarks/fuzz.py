"""Opens mutated bundles, checkpoints and pictures, each in a forked child, and counts how that ends.

    uv run python benchmarks/fuzz.py SOURCES --bundles 10000 --checkpoints 500 --pictures 500 --seed 0

SOURCES is a folder with bundles of small models, `*.safetensors` and `*.pth` files and pictures, which stay
as they are. `benchmarks/fuzz_sources.py FOLDER` writes one. Digests of mutated bundles are made right, so
that what is behind them is tested. Each mutant is drawn from the seed and its number: `--only bundles:123`
repeats one and shows what it raises.

Children that look at model files are forked, too, instead of started: a start takes a second.

The table goes to `--table`. The exit code is 1 if anything ended otherwise than well or with an error of
edgewise that says what is wrong.
"""

import argparse
import importlib
import json
import os
import platform
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import fuzz_mutations as mutations

from edgewise.models.errors import EdgewiseError
from edgewise.runtime import probe
from edgewise.runtime.child import ChildDiedError, ending

KINDS = ("success", "clean error", "wrong answer", "traceback", "crash", "hang", "memory")
GOOD = KINDS[:2]
_SUCCESS, _CLEAN, _WRONG, _TRACEBACK = 0, 10, 11, 12  # exit codes of the child
_CODES = {_SUCCESS: "success", _CLEAN: "clean error", _WRONG: "wrong answer", _TRACEBACK: "traceback"}
_LIMIT_S, _INNER_S = 60.0, 45
_MOST_BYTES, _LARGEST_BYTES = 4 << 30, 12 << 30  # counted as memory; refused by the system
_AGREEMENT = 0.75  # the least that `verify` asks for between INT8 and float
Case = Callable[[], None]


class WrongAnswerError(Exception):
    """A mutant that was accepted and answers something else."""


def main() -> int:
    """Run everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", type=Path)
    for name in ("bundles", "checkpoints", "pictures"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    vars(probe)["ask"] = _asked
    _preload()
    counts: Counter[tuple[str, str, str]] = Counter()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_CACHE_HOME"] = str(Path(name) / "cache")
        work = Path(name) / "work"
        for group in ("bundles", "checkpoints", "pictures"):
            for number in range(getattr(options, group)):
                if options.only not in {"", f"{group}:{number}"}:
                    continue
                work.mkdir()
                draw = random.Random(f"{options.seed} {group} {number}")  # noqa: S311 - mutants, no secrets
                what, case = _GROUPS[group](options.sources, work, draw)
                kind, told = forked(case)
                counts[group, what, kind] += 1
                if kind not in GOOD or options.only:
                    print(f"{group}:{number} {what}: {kind}\n{told}", flush=True)
                shutil.rmtree(work)
    text = table(counts, options.seed, time.monotonic() - start)
    print(text)
    if options.table:
        options.table.write_text(text, "utf-8")
    return int(any(kind not in GOOD for _, _, kind in counts))


def forked(case: Case) -> tuple[str, str]:
    """How `case` ends in a child process, and what it says."""
    with tempfile.TemporaryFile("w+") as said:
        pid = os.fork()
        if pid == 0:
            _be_child(case, said.fileno())
        end = time.monotonic() + _LIMIT_S
        done, status, usage = os.wait4(pid, os.WNOHANG)
        while not done and time.monotonic() < end:
            time.sleep(0.002)
            done, status, usage = os.wait4(pid, os.WNOHANG)
        if not done:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.wait4(pid, 0)
            return "hang", f"longer than {_LIMIT_S:g} s"
        said.seek(0)
        told = said.read()
    if usage.ru_maxrss * 1024 > _MOST_BYTES:
        return "memory", f"{usage.ru_maxrss / (1 << 20):.1f} GiB\n{told}"
    code = os.waitstatus_to_exitcode(status)
    return _CODES.get(code, "crash"), told or ending(code)


def _be_child(case: Case, said: int) -> NoReturn:
    code = _TRACEBACK
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (_LARGEST_BYTES, _LARGEST_BYTES))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        case()
        code = _SUCCESS
    except EdgewiseError as error:
        os.write(said, f"{type(error).__name__}: {str(error)[:300]}".encode("utf-8", "replace"))
        code = _CLEAN
    except WrongAnswerError as error:
        os.write(said, str(error).encode("utf-8", "replace"))
        code = _WRONG
    except BaseException:  # noqa: BLE001 - what else it is, is the result
        os.write(said, traceback.format_exc()[-3000:].encode("utf-8", "replace"))
    finally:
        os._exit(code)


def _asked(module: str, *arguments: str, timeout_s: float = _INNER_S) -> Any:
    """As `edgewise.runtime.child.ask`, in a forked process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(int(min(timeout_s, _INNER_S)))
            os.dup2(writing, 1)
            sys.argv = [module, *arguments]
            importlib.import_module(module).main()
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise ChildDiedError(ending(code))
    return json.loads(text, parse_constant=lambda _: None)


def _preload() -> None:
    """Import what children need; none of it starts threads before it is used."""
    for name in ("ai_edge_litert.interpreter", "onnxruntime", "onnx", "openvino", "PIL.Image", "torch"):
        importlib.import_module(name)
    for name in ("runtime.android", "runtime.classifier", "pipeline.verify", "pipeline.inspection"):
        importlib.import_module(f"edgewise.{name}")
    for name in ("tflite", "onnx", "openvino"):
        for part in ("session", "structure"):
            importlib.import_module(f"edgewise.runtime.{name}.{part}")
    from PIL import Image

    Image.init()


def _bundle(sources: Path, work: Path, draw: random.Random) -> tuple[str, Case]:
    original = draw.choice(sorted(path.parent for path in sources.glob("*/manifest.json")))
    bundle = Path(shutil.copytree(original, work / "bundle"))
    what = draw.choice(mutations.BUNDLES)(bundle, draw)
    return what, partial(_opened, bundle, original, draw.choice(("predict", "verify", "inspect", "android")))


def _opened(bundle: Path, original: Path, way: str) -> None:
    """Do what the command does, then look whether the answers are still those of the original."""
    import edgewise
    from edgewise.runtime import android
    from edgewise.runtime.bundle import Bundle

    if way == "predict":
        edgewise.open_bundle(bundle).predict(original / "golden" / "image.png")
    elif way == "inspect":
        edgewise.inspect(bundle).require()
    elif way == "android" and Bundle.open(original).target == android.TARGET:
        android.check(Bundle.open(bundle))
        edgewise.verify(bundle).require()
    else:
        edgewise.verify(bundle).require()
    if way != "inspect":
        _require_same(bundle, original, by_name=way == "predict")


def _require_same(bundle: Path, original: Path, *, by_name: bool) -> None:
    """The names of classes never change; after `verify`, most answers stay as they were."""
    import edgewise
    from edgewise.models.synthetic import dead_leaves

    mutant, healthy = edgewise.open_bundle(bundle), edgewise.open_bundle(original)
    if mutant.labels != healthy.labels:
        raise WrongAnswerError(f"labels {mutant.labels} instead of {healthy.labels}")
    if by_name:
        return
    pictures = [dead_leaves(48, 77, index) for index in range(24)]
    found, told = (
        [answers[0].label for answers in model.predict(pictures, top=1)] for model in (mutant, healthy)
    )
    same = sum(map(str.__eq__, found, told))
    if same < _AGREEMENT * len(pictures):
        raise WrongAnswerError(f"{same} of {len(pictures)} answers are those of the original")


def _checkpoint(sources: Path, work: Path, draw: random.Random) -> tuple[str, Case]:
    original = draw.choice(sorted([*sources.glob("*.safetensors"), *sources.glob("*.pth")]))
    path = work / original.name
    change = mutations.in_header if path.suffix == ".safetensors" else mutations.changed
    path.write_bytes(change(original.read_bytes(), draw))
    return f"a {path.suffix} file", partial(_loaded, path)


def _loaded(path: Path) -> None:
    import edgewise

    if path.suffix == ".pth":
        edgewise.load_model("mobilenetv1_025", weights=path, imgsz=32)
    else:
        edgewise.load_model(path, imgsz=32)


def _picture(sources: Path, work: Path, draw: random.Random) -> tuple[str, Case]:
    from edgewise.models.images import find_images, read_image

    original = draw.choice([path for path in find_images(sources) if path.parent == sources])
    path = work / original.name
    path.write_bytes(mutations.changed(original.read_bytes(), draw))
    return f"a {path.suffix} file", partial(_read, read_image, path)


def _read(read: Callable[[Path], Any], path: Path) -> None:
    read(path).resize((32, 32))


_GROUPS = {"bundles": _bundle, "checkpoints": _checkpoint, "pictures": _picture}


def table(counts: Counter[tuple[str, str, str]], seed: int, seconds: float) -> str:
    """The counts as Markdown."""
    rows = []
    for group, what in sorted({(group, what) for group, what, _ in counts}):
        found = [counts[group, what, kind] for kind in KINDS]
        rows.append(f"| {group} | {what} | {sum(found)} | {' | '.join(map(str, found))} |")
    total = [sum(count for (_, _, found), count in counts.items() if found == kind) for kind in KINDS]
    return f"""# Mutated files

By `uv run python benchmarks/fuzz.py SOURCES` with seed {seed}, in {seconds / 60:.0f} minutes
on {platform.machine()}: how opening them ended. A hang takes more than {_LIMIT_S:g} s, memory is more than
4 GiB. A wrong answer is a mutant that `verify` accepts and that answers less than three quarters of 24
pictures like the original, or that any command accepts with other class names.

| | what was changed | count | {" | ".join(KINDS)} |
|---|---|{"---:|" * (len(KINDS) + 1)}
{chr(10).join(rows)}
| all | | {sum(total)} | {" | ".join(map(str, total))} |
"""


if __name__ == "__main__":
    sys.exit(main())
