"""Exports by the real program: what it refuses, writes, proves and leaves behind."""

import json
import os
import pickle
import platform
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from edgewise.models.checkpoint import save
from edgewise.models.images import sha256_of
from edgewise.models.libraries import library
from edgewise.models.spec import Labels
from edgewise.models.weights import load_model
from edgewise.models.zoo import find
from edgewise.runtime.bundle import Bundle

Run = Callable[..., Any]
Arguments = tuple[object, ...]


# What is refused, before anything takes long.


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["xyz"], "no model is called 'xyz'; run 'edgewise models' for a list"),
        (["mobilnetv2"], "no model is called 'mobilnetv2'; did you mean mobilenetv2"),
        (
            ["mobilenetv2", "--to", "tensorrt"],
            "unknown target 'tensorrt': choose from onnx, openvino, tflite or all",
        ),
        (["mobilenetv2", "--to", "tflite,"], "unknown target '': choose from onnx"),
        (["mobilenetv2", "--to", "tflit"], "unknown target 'tflit': did you mean tflite? Choose from onnx,"),
        (
            ["mobilenetv2", "--precision", "w4"],
            "unknown precision 'w4': choose from fp32, fp16, w8a32 or w8a8",
        ),
        (["mobilenetv2", "--precision", "fp32,w8a9"], "unknown precision 'w8a9': did you mean w8a8? Choose"),
        (["mobilenetv2", "--precision", "int8"], "'int8': did you mean w8a8 (or --int8)? Choose from"),
        (
            ["mobilenetv2", "--int8", "--precision", "fp32,fp16"],
            "--int8 means --precision w8a8, not fp32,fp16",
        ),
        (["mobilenetv2", "--io", "int8"], "--io and --per-tensor are for INT8 models; add --int8"),
        (["mobilenetv2", "--per-tensor"], "--io and --per-tensor are for INT8 models; add --int8"),
        (["mobilenetv2", "--effort", "best"], "--effort best is for INT8 models; add --int8"),
        (["mobilenetv2", "--int8", "--effort", "best"], "generated pictures mislead it; add --calib"),
        (["mobilenetv2", "--int8", "--io", "int8", "--to", "all"], "--io int8 is only for tflite"),
        (
            ["mobilenetv2", "--int8", "--for", "pi6"],
            "unknown processor 'pi6': did you mean pi5? Choose from any, host, arm64,",
        ),
        (["mobilenetv2", "--int8", "--for", "android,avx2"], "'avx2': did you mean x86-avx2? Choose"),
        (["mobilenetv2", "--require-speedup", 2], "--require-speedup needs a quantized model to compare"),
        (["mobilenetv2", "--mean", "127.5"], "not between 0 and 1; divide by 255"),
        (
            ["mobilenetv2", "--weights", "random", "--imgsz", "32x96", "--resize", "64"],
            "do not fit: need 1 <=",
        ),
        (["mobilenetv2", "--weights", "random", "--channels", "1"], "does not accept grey pictures of 224 x"),
    ],
)
def test_options_that_cannot_be(edgewise: Run, arguments: list[str], complaint: str) -> None:
    ended = edgewise("export", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1
    assert complaint in ended.complaint


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--imgsz", "32x", "'32x' is neither a side like 224 nor HEIGHTxWIDTH like 32x96"),
        ("--imgsz", "0", "'0' is neither a side like 224 nor HEIGHTxWIDTH like 32x96"),
        ("--imgsz", "1x2x3", "'1x2x3' is neither a side like 224 nor HEIGHTxWIDTH like 32x96"),
        ("--imgsz", "squash", "'squash' is neither a side like 224 nor HEIGHTxWIDTH like 32x96"),
        ("--resize", "crop", "'crop' is neither a side like 224 nor HEIGHTxWIDTH like 32x96 nor squash"),
        ("--channels", "2", "'2' is not one of '3', '1'."),
        ("--mean", "0.5,0.5", "'0.5,0.5' is neither one number nor three like 0.485,0.456,0.406"),
    ],
)
def test_values_that_cannot_be(edgewise: Run, option: str, value: str, complaint: str) -> None:
    ended = edgewise("export", "mobilenetv2", option, value)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1] == f"Error: Invalid value for '{option}': {complaint}"


def test_a_weights_file_that_is_not_there(edgewise: Run) -> None:
    ended = edgewise("export", "mobilenetv2", "--weights", "nowhere.pth", "--json")
    assert ended.code == 2
    assert ended.error["exit_name"] == "usage"
    assert "--weights nowhere.pth: no such file; pass a path" in ended.complaint


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


def test_a_weights_file_runs_no_code(edgewise: Run, tmp_path: Path) -> None:
    bait, weights = tmp_path / "bait", tmp_path / "evil.pth"
    weights.write_bytes(pickle.dumps({"features": Malicious(bait)}, protocol=2))
    ended = edgewise("export", "mobilenetv2", "--weights", weights)
    assert (ended.code, ended.stdout) == (1, "")
    assert "never runs code from a weights file" in ended.complaint
    assert not bait.exists()
    pickle.loads(weights.read_bytes())  # noqa: S301 - the bait works
    assert bait.is_dir()


def test_labels_of_another_number(edgewise: Run, network: Arguments, tmp_path: Path) -> None:
    three = tmp_path / "three.txt"
    three.write_text("circle\nsquare\ncross\n")
    ended = edgewise("export", *network, "--labels", three)
    assert (ended.code, ended.stdout) == (2, "")
    assert f"{three}: names 3 classes, but the network has 4 outputs" in ended.complaint


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (["--calib", "nowhere"], "nowhere: No such file or directory; pass a folder of pictures"),
        (["--calib", "{pictures}", "--calib-count", 99], "24 readable pictures for calibration"),
        (["--calib-count", 8, "--data", "{foreign}"], "closest: 'circle'"),
        (["--calib", "{pictures}", "--data", "{seen}"], "2 of 7 evaluation pictures are also calibration"),
        (["--calib-count", 8, "--data", "{pictures}"], "24 pictures are outside the class folders"),
    ],
)
def test_pictures_that_cannot_be_used(
    edgewise: Run,
    network: Arguments,
    pictures: Path,
    labelled: Path,
    tmp_path: Path,
    asked: list[object],
    complaint: str,
) -> None:
    foreign, seen = tmp_path / "foreign", tmp_path / "seen"
    shutil.copytree(labelled / "circle", foreign / "circles")
    shutil.copytree(labelled / "circle", seen / "circle")
    for file in sorted(pictures.iterdir())[:2]:
        shutil.copy(file, seen / "circle" / f"again{file.name}")
    folders = {"pictures": pictures, "foreign": foreign, "seen": seen}
    out = tmp_path / "out"
    ended = edgewise("export", *network, "--int8", *(str(a).format(**folders) for a in asked), "--out", out)
    assert (ended.code, ended.stdout) == (2, "")
    assert complaint in ended.complaint
    assert "Capture the graph" not in ended.stderr
    assert not out.exists()


# The export itself.


def test_json_is_one_document_and_all_there_is(exported: Any, weights: Path, pictures: Path) -> None:
    assert exported.left == ()
    document = exported.document
    assert (document["schema"], document["schema_version"]) == ("edgewise.conversion", 1)
    assert set(document) == {
        *("schema", "schema_version", "as_requested", "bundles", "failures", "notices", "seconds"),
    }
    assert document["failures"] == []
    assert document["as_requested"] is True
    assert document["notices"] == exported.notices  # which stderr shows, --json or not
    (product,) = document["bundles"]
    assert set(product) == {
        *("bundle", "target", "requested", "precision", "as_requested", "verdict", "basis", "pace"),
        *("float_size_bytes", "size_bytes", "manifest"),
    }
    assert (product["target"], product["requested"], product["precision"]) == ("tflite", "w8a8", "w8a8")
    assert (product["verdict"], product["basis"]) == ("unproven", "fidelity")
    assert product["pace"] in {"faster", "slower", "alike"}
    (notice,) = document["notices"]
    assert notice.startswith("mine.pth does not define its preprocessing")
    stages = {"Load the network", "Convert to tflite", "Quantize tflite to w8a8", "Write the bundle"}
    assert stages <= set(document["seconds"])
    manifest = product["manifest"]
    assert manifest["spec"]["origin"] == {
        "source": "file",
        "description": "mine.pth",
        "sha256": sha256_of(weights),
        "averaged": False,
    }
    assert manifest["spec"]["preprocess"]["size"] == 32
    assert manifest["training"] is None
    assert manifest["calibration"]["source"] == pictures.name
    assert manifest["calibration"]["count"] == 16
    assert len(manifest["calibration"]["sha256"]) == 64


def test_the_manifest_holds_the_proofs(exported: Any) -> None:
    manifest = exported.document["bundles"][0]["manifest"]
    assert manifest["parity"]["count"] == 8
    assert manifest["parity"]["top1"] == 1
    assert 0 < manifest["parity"]["max_rel"] < 1e-3
    found = manifest["verification"]
    assert (found["verdict"], found["agreement"]["count"], found["drop"]) == ("unproven", 40, None)
    assert found["limits"]["min_agreement"] == 0
    assert found["isa"].startswith(platform.machine())
    assert manifest["recovery"] is None
    structure = manifest["structure"]
    assert (structure["precision"], structure["islands"]) == ("w8a8", {})
    counts = {op["type"]: op["count"] for op in structure["operators"] if op["arithmetic"] == "int8"}
    assert counts["CONV_2D"] >= 35
    assert structure["inputs"][0]["dtype"] == "float32"
    assert manifest["latency"]["quantized"]["p50_ms"] > 0
    assert manifest["latency"]["speedup"]["ratio"] > 0
    assert manifest["machine"]["architecture"] == platform.machine()
    assert {"edgewise", "torch", "litert-torch", "ai-edge-litert", "pillow"} <= set(manifest["versions"])


def test_the_bundle_on_disk_is_the_one_that_was_told(exported: Any, bundle: Path) -> None:
    opened = Bundle.open(bundle)
    (product,) = exported.document["bundles"]
    assert opened.manifest == product["manifest"]
    assert opened.spec.labels.names == ("circle", "square", "cross", "star")
    assert opened.reference is not None
    assert product["float_size_bytes"] == opened.reference.stat().st_size
    assert product["size_bytes"] == opened.model.stat().st_size
    assert opened.model.stat().st_size < 0.4 * opened.reference.stat().st_size
    assert not [path for path in bundle.parent.iterdir() if path != bundle]


@pytest.fixture(scope="session")
def forced(edgewise: Run, int8: Arguments, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The same export once more, in words, with a gate that fails and --force."""
    out = tmp_path_factory.mktemp("forced") / "bundle"
    return edgewise("export", *int8, "--min-agreement", 1, "--no-recover", "--force", "--out", out), out


@pytest.mark.slow
def test_the_same_arguments_give_the_same_bytes(forced: tuple[Any, Path], bundle: Path) -> None:
    first, second = Bundle.open(bundle), Bundle.open(forced[1])
    assert first.manifest["files"] == second.manifest["files"]
    assert first.calibration == second.calibration


@pytest.mark.slow
def test_force_writes_and_says_so(forced: tuple[Any, Path]) -> None:
    ended, out = forced
    assert ended.left == ()
    (said,) = [line for line in ended.notices if "--force" in line]
    assert said.startswith("tflite w8a8: accuracy gate fail: top-1 agreement ")
    assert said.endswith("Written anyway (--force)")
    assert "FAIL top-1 agreement" in ended.stdout
    assert ended.stdout.splitlines()[-1] == f"{out}/"
    recorded = Bundle.open(out).verification
    assert recorded is not None
    assert recorded["verdict"] == "fail"


@pytest.mark.slow
def test_a_gate_that_fails_shows_the_worst_layers_and_writes_nothing(
    edgewise: Run, int8: Arguments, labelled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    # No drop at all cannot be shown with twenty pictures, however they are answered.
    gate = ("--data", labelled, "--max-drop", 0, "--strict", "--no-recover")
    ended = edgewise("export", *int8, "--to", "onnx", *gate, "--out", out)
    assert (ended.code, ended.stdout, ended.left) == (3, "", ())
    *before, complaint = ended.stderr.splitlines()
    assert complaint.startswith("edgewise: onnx w8a8: accuracy gate ")
    assert re.search(r"on 20 pictures, allowed (drop )?0", complaint)
    assert complaint.endswith("It was not written; --force writes it anyway")
    table = before[next(index for index, line in enumerate(before) if line.startswith("worst layers")) :]
    *table, report = table
    losses = [float(line.split()[-4]) for line in table[1:]]
    assert len(losses) == 8
    assert losses == sorted(losses)
    assert any(line.startswith("features.") and "conv2d" in line for line in table)
    assert report == f"! its report: {out}.failed.html"
    assert [path.name for path in tmp_path.iterdir()] == ["out.failed.html"]


# Several targets and precisions.


EVERYTHING = [(target, kind) for target in ("onnx", "openvino", "tflite") for kind in ("w8a32", "w8a8")]


@pytest.fixture(scope="session")
def everything(edgewise: Run, nets: Path, small: Arguments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All targets, in INT8 and with INT8 weights."""
    out = tmp_path_factory.mktemp("everything")
    (out / "notes.txt").write_text("A folder of bundles may hold other things.")
    wanted = ("--to", "all", "--precision", "w8a8,w8a32", "--min-agreement", 0)
    ended = edgewise("export", f"{nets}:colours", *small, *wanted, "--out", out)
    assert (ended.code, ended.left) == (0, ()), ended.stderr
    for target, precision in EVERYTHING:
        assert f"\n{target} {precision}\n" in ended.stdout
    return out


@pytest.mark.slow
def test_every_target_gets_a_bundle_that_proves_itself_without_torch(
    edgewise: Run, everything: Path, without_torch: dict[str, str]
) -> None:
    found = sorted(path.name for path in everything.iterdir())
    assert found == [*(f"net-colours-{target}-{kind}" for target, kind in EVERYTHING), "notes.txt"]
    for target, precision in EVERYTHING:
        bundle = Bundle.open(everything / f"net-colours-{target}-{precision}")
        assert (bundle.target, bundle.precision) == (target, precision)
        assert bundle.manifest["structure"]["precision"] == precision
        ended = edgewise("verify", bundle.folder, "--min-agreement", 0, "--json", **without_torch)
        assert ended.notices == []
        assert ended.document["golden"]["max_rel"] == 0


def test_a_foreign_folder_where_one_of_several_bundles_should_go(
    edgewise: Run, network: Arguments, tmp_path: Path
) -> None:
    (tmp_path / "mobilenetv2-tflite-fp32" / "mine").mkdir(parents=True)
    ended = edgewise("export", *network, "--to", "all", "--out", tmp_path)
    assert (ended.code, ended.stdout) == (2, "")
    assert "mobilenetv2-tflite-fp32" in ended.complaint
    assert "Load the network" not in ended.stderr


@pytest.mark.slow
def test_every_target_says_the_same_of_a_picture(edgewise: Run, everything: Path) -> None:
    picture = everything / "net-colours-onnx-w8a32" / "golden" / "image.png"
    bundles = [everything / f"net-colours-{target}-w8a32" for target in ("onnx", "openvino", "tflite")]
    said = [edgewise("predict", bundle, picture, "--top", 4, "--json").stdout for bundle in bundles]
    first, *others = (
        {answer["label"]: answer["probability"] for answer in json.loads(text)["predictions"][0]["answers"]}
        for text in said
    )
    assert len(first) == 4
    for other in others:
        assert other == pytest.approx(first, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "complaint"),
    [(["--max-latency", 1e-6], "--max-latency allows 1e-06"), (["--require-speedup", 1000], "requires 1000")],
)
def test_a_file_that_is_too_slow_is_not_written(
    edgewise: Run, nets: Path, small: Arguments, tmp_path: Path, gate: list[object], complaint: str
) -> None:
    out = tmp_path / "out"
    asked = (*small, "--int8", "--min-agreement", 0, *gate)
    ended = edgewise("export", f"{nets}:colours", *asked, "--out", out)
    assert (ended.code, ended.stdout) == (5, "")
    assert ended.complaint.startswith("edgewise: onnx w8a8: latency gate: ")
    assert complaint in ended.complaint
    assert f"! its report: {out}.failed.html" in ended.stderr.splitlines()
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "made", "holds"),
    [
        ("any", ["arm64", "x86-vnni", "x86-avx2"], ["arm64", "x86-vnni", "x86-avx2"]),
        ("pi5", ["arm64"], ["arm64", "x86-vnni"]),
    ],
)
def test_int8_is_for_the_processors_that_are_asked_for(
    made_for: dict[str, Any], asked: str, made: list[str], holds: list[str]
) -> None:
    """The verdict holds wherever the file computes the same, which follows from its weights alone."""
    ended = made_for[asked]
    (product,) = ended.document["bundles"]
    manifest = product["manifest"]
    seen = manifest["processors"]["observed"]
    assert manifest["processors"] == {"made_for": made, "verdict_holds_for": holds, "observed": seen}
    assert [layer["largest"] for layer in manifest["structure"]["overflow"]] == [254 * 255] * (asked != "any")
    told = [line for line in ended.notices if "so the verdict holds for Arm and x86 with VNNI only" in line]
    assert len(told) == (asked != "any")
    if asked == "any":
        assert seen is None
        return
    assert (seen["pictures"], [*seen["layers"]]) == (8, ["colours"])
    assert 0 < seen["layers"]["colours"]["sums"] == seen["layers"]["colours"]["values"] / 3
    assert "; on 8 calibration pictures " in told[0]


@pytest.mark.slow
def test_a_network_that_answers_every_picture_alike_is_warned_of(
    edgewise: Run, weights: Path, labels: Path, tmp_path: Path
) -> None:
    state = torch.load(weights, weights_only=True)
    state["classifier.1.weight"].zero_()
    torch.save(state, tmp_path / "constant.pth")
    named = ("--weights", tmp_path / "constant.pth", "--imgsz", 32, "--resize", 40, "--labels", labels)
    ended = edgewise("export", "mobilenetv2", *named, "--to", "onnx", "--out", tmp_path / "out")
    assert ended.code == 0, ended.stderr
    assert any("gives the same answer for every picture" in line for line in ended.notices)


@pytest.fixture(scope="session")
def partial(nets: Path, small: Arguments) -> Arguments:
    """An export of two files, one of which fails its gate."""
    return f"{nets}:outlier", *small, "--precision", "w8a32,w8a8", "--no-recover"


@pytest.mark.slow
def test_what_passes_is_written_beside_what_fails(edgewise: Run, partial: Arguments, tmp_path: Path) -> None:
    ended = edgewise("export", *partial, "--json", "--out", tmp_path)
    assert ended.code == ended.error["exit_code"] == 3
    document = ended.document
    (product,), (failure,) = document["bundles"], document["failures"]
    assert (product["precision"], failure["requested"], failure["exit_code"]) == ("w8a32", "w8a8", 3)
    assert document["error"]["message"].endswith("Written: onnx w8a32")
    (written,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert Bundle.open(written).precision == "w8a32"


@pytest.mark.slow
def test_words_say_what_failed_and_where_the_rest_is(
    edgewise: Run, partial: Arguments, tmp_path: Path
) -> None:
    ended = edgewise("export", *partial, "--out", tmp_path)
    assert ended.code == 3
    lines = ended.stdout.splitlines()
    (bundle,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert f"{bundle}/" in lines
    assert any(line.startswith(f"! its report: {tmp_path}") for line in lines)
    assert lines.index("onnx w8a32") < lines.index("onnx w8a8")
    assert lines[-1].startswith("FAILED onnx w8a8: accuracy gate fail: ")
    assert ended.complaint.endswith("Written: onnx w8a32")


@pytest.mark.slow
def test_all_or_nothing_writes_nothing(edgewise: Run, partial: Arguments, tmp_path: Path) -> None:
    ended = edgewise("export", *partial, "--all-or-nothing", "--out", tmp_path)
    assert (ended.code, ended.stdout, ended.left) == (3, "", ())
    *before, complaint = ended.stderr.splitlines()
    assert complaint.startswith("edgewise: onnx w8a8: accuracy gate fail: ")
    assert complaint.endswith("It was not written; --force writes it anyway")
    assert not any("Write the bundle" in line for line in before)
    assert [path.suffixes for path in tmp_path.iterdir()] == [[".failed", ".html"]]


@pytest.mark.slow
def test_a_library_that_one_target_lacks_leaves_the_others(
    edgewise: Run, nets: Path, small: Arguments, tmp_path: Path
) -> None:
    missing, out = tmp_path / "missing", tmp_path / "out"
    missing.mkdir()
    (missing / "openvino.py").write_text("raise ModuleNotFoundError('no openvino here', name='openvino')\n")
    asked = (f"{nets}:colours", *small, "--to", "openvino,onnx", "--json", "--out", out)
    ended = edgewise("export", *asked, PYTHONPATH=str(missing))
    assert ended.code == ended.error["exit_code"] == 6
    (failure,) = ended.document["failures"]
    assert (failure["target"], failure["exit_name"]) == ("openvino", "missing_dependency")
    assert [path.name for path in out.iterdir()] == ["net-colours-onnx-fp32"]


# What is not replaced, and what bundles are called.


@pytest.mark.slow
def test_a_bundle_of_another_model_is_replaced_only_when_asked(
    edgewise: Run, nets: Path, small: Arguments, labels: Path, tmp_path: Path
) -> None:
    out, others = tmp_path / "out", tmp_path / "others.txt"
    others.write_text(labels.read_text().replace("star", "moon"))
    options = f"{nets}:colours", *small, "--out", out

    def held() -> str:
        return sha256_of(out / "manifest.json")

    first = edgewise("export", *options)
    assert first.code == 0, first.stderr
    assert first.stdout.splitlines()[-1] == f"{out}/"
    assert not [line for line in first.stdout.splitlines() if line.startswith(("✓", "!"))]
    before = held()
    for other in (f"{nets}:outlier", *options[1:]), (*options, "--labels", others):
        ended = edgewise("export", *other)
        assert (ended.code, ended.stdout) == (2, "")
        assert f"{out}: " in ended.complaint
        assert "--overwrite" in ended.complaint
        assert "Capture the graph" not in ended.stderr
        assert held() == before
    again = edgewise("export", *options, "--json")
    assert again.code == 0, again.stderr
    files = json.loads((out / "manifest.json").read_text())["files"]
    replaced = edgewise("export", f"{nets}:outlier", *options[1:], "--overwrite")
    assert replaced.code == 0, replaced.stderr
    assert json.loads((out / "manifest.json").read_text())["files"] != files


@pytest.mark.slow
def test_bundles_of_a_run_are_called_by_its_folder(edgewise: Run, small: Arguments, tmp_path: Path) -> None:
    model = load_model("mobilenetv1_025", "random", announce=lambda _: None)
    run = tmp_path / "runs" / "flowers"
    run.mkdir(parents=True)
    row, spec = find(model.spec.name), replace(model.spec, labels=Labels(tuple("abcd")))
    network = library(row.library).build(row.builder, 4, dict(row.options))
    save(run / "model.safetensors", network.state_dict(), spec, {"top1": 0.5})
    asked = ("--precision", "fp32,fp16", "--out", tmp_path / "out", "--json")
    ended = edgewise("export", run / "model.safetensors", *small, *asked)
    assert ended.code == 0, ended.stderr
    places = [Path(product["bundle"]) for product in ended.document["bundles"]]
    assert places == [tmp_path / "out" / f"flowers-onnx-{kind}" for kind in ("fp32", "fp16")]
    assert all(Bundle.open(place).name == "mobilenetv1_025" for place in places)
    told = edgewise("export", run, *small)
    assert told.code == 2
    assert f"pass its checkpoint, {run / 'model.safetensors'}" in told.complaint


# What ends it from outside.


def _wait_for(child: Any, stage: str) -> None:
    for line in child.stderr:
        if re.match(rf"✓ (\[\d+/\d+\] )?{stage}", line):
            return
    pytest.fail(f"ended before {stage!r} was done")


@pytest.mark.slow
def test_an_interrupt_leaves_nothing(
    start: Run, left_in: Callable[[Path], list[str]], network: Arguments, tmp_path: Path
) -> None:
    temporary, out = tmp_path / "tmp", tmp_path / "out"
    temporary.mkdir()
    with start("export", *network, "--out", out, temporary=temporary) as child:
        _wait_for(child, "Capture the graph")
        assert list(temporary.glob("edgewise-*"))  # the work to be cleaned up
        child.send_signal(signal.SIGINT)
        stdout, stderr = child.communicate()
    assert (child.returncode, stdout) == (130, "")
    assert stderr == "\nedgewise: interrupted; nothing half-written is left\n"  # below the ^C of a terminal
    assert left_in(temporary) == []
    assert not out.exists()


@pytest.mark.slow
def test_a_kill_leaves_a_whole_bundle(
    start: Run, nets: Path, small: Arguments, bundle: Path, tmp_path: Path
) -> None:
    temporary, out = tmp_path / "tmp", tmp_path / "out"
    temporary.mkdir()
    shutil.copytree(bundle, out)
    asked = (f"{nets}:colours", *small, "--overwrite", "--out", out)
    with start("export", *asked, temporary=temporary) as child:
        _wait_for(child, "Measure latency")
        child.kill()
        child.communicate()
    opened = Bundle.open(out)
    assert opened.precision in {"w8a8", "fp32"}  # the old one, or the new one if it was just in place
    image = Image.fromarray(opened.golden().image)
    assert np.array_equal(opened.spec.preprocess(image)[None], opened.golden().input)
