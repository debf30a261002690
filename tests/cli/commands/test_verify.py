"""Proofs of a bundle, where it was made and elsewhere."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.models.images import sha256_of
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.machine import saturates

Run = Callable[..., Any]


@pytest.fixture
def moved(bundle: Path, tmp_path: Path) -> Path:
    """The bundle in another place, to be changed."""
    return Path(shutil.copytree(bundle, tmp_path / "elsewhere" / "renamed"))


def test_elsewhere_and_without_torch_the_proof_is_the_same(
    edgewise: Run, bundle: Path, moved: Path, without_torch: dict[str, str]
) -> None:
    here = edgewise("verify", bundle, "--min-agreement", 0, "--json")
    there = edgewise("verify", moved, "--min-agreement", 0, "--json", **without_torch)
    assert (here.notices, here.left) == ([], ())
    assert (there.notices, there.left) == ([], ())
    assert (here.document["schema"], here.document["schema_version"]) == ("edgewise.verification", 1)
    assert there.document == here.document | {"bundle": str(moved)}
    assert here.document["golden"]["max_lsb"] == 0
    # The same pictures, the same files: what the exporter found.
    opened = Bundle.open(bundle)
    assert here.document["verification"] == opened.verification


def test_in_words(edgewise: Run, bundle: Path) -> None:
    ended = edgewise("verify", bundle, "--min-agreement", 0)
    assert ended.notices == []
    lines = ended.stdout.splitlines()
    assert "fp32 against the original network: " in ended.stdout
    count = len(Bundle.open(bundle).manifest["files"])
    assert f"{count} files match the manifest's checksums" in lines
    assert any(line.startswith("golden sample: exact; cosine") for line in lines)
    assert "top-1 was not measured: generated dead leaves have no labels" in lines
    assert lines[-1].startswith("UNPROVEN top-1 agreement ")


def test_agreement_that_is_asked_for_and_not_there(edgewise: Run, bundle: Path) -> None:
    ended = edgewise("verify", bundle, "--min-agreement", 1, "--json")
    assert ended.code == 3
    assert ended.document["verification"]["verdict"] == "fail"
    assert ended.error["message"].startswith("accuracy gate fail: top-1 agreement ")
    assert ended.error["exit_name"] == "accuracy_gate"


@pytest.mark.parametrize(
    ("gate", "code", "verdict"),
    [
        (["--max-drop", 100], 0, "pass"),
        (["--max-drop", 0], 0, "inconclusive"),
        (["--max-drop", 0, "--strict"], 3, "inconclusive"),
    ],
)
def test_labelled_pictures_give_a_drop_with_an_interval(
    edgewise: Run, bundle: Path, labelled: Path, gate: list[object], code: int, verdict: str
) -> None:
    ended = edgewise("verify", bundle, "--data", labelled, *gate)
    assert ended.code == code
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith(verdict.upper())]
    assert " top-1 drops by " in line or " top-1 gains " in line
    assert "points (95 % interval " in line
    assert "on 20 pictures" in line
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("top-1 of fp32 ")]
    assert ", of w8a8 " in line
    assert " % (95 % interval " in line
    assert " on 20 pictures" in line
    if code:
        assert ended.stderr.splitlines()[-1].startswith(f"edgewise: accuracy gate {verdict}: top-1 ")


def test_the_accuracy_itself_is_a_gate(edgewise: Run, bundle: Path, labelled: Path) -> None:
    ended = edgewise("verify", bundle, "--data", labelled, "--max-drop", 100, "--min-top1", 100)
    assert ended.code == 3
    assert ended.complaint.startswith("edgewise: accuracy gate fail: top-1 ")
    assert ended.complaint.endswith("below the required 100 %")
    ended = edgewise("verify", bundle, "--min-top1", 100)
    assert (ended.code, ended.stdout) == (2, "")
    assert "min_top1 100: an accuracy can only be measured on labelled pictures; pass" in ended.complaint


def test_what_is_unproven_fails_if_strict(edgewise: Run, bundle: Path) -> None:
    ended = edgewise("verify", bundle, "--min-agreement", 0, "--strict")
    assert ended.code == 3
    assert ended.complaint.startswith("edgewise: accuracy gate unproven: ")


def test_the_drop_in_json(edgewise: Run, bundle: Path, labelled: Path) -> None:
    found = edgewise("verify", bundle, "--data", labelled, "--max-drop", 100, "--json").document
    drop = found["verification"]["drop"]
    assert drop["interval"]["low"] <= drop["points"] <= drop["interval"]["high"]
    assert drop["count"] == found["verification"]["float_accuracy"]["count"] == 20


def test_pictures_that_were_calibrated_with(
    edgewise: Run, bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    shutil.copytree(pictures, tmp_path / "data" / "star")
    ended = edgewise("verify", bundle, "--data", tmp_path / "data")
    assert (ended.code, ended.stdout) == (2, "")
    assert "16 of 24 evaluation pictures are also calibration pictures" in ended.complaint


def test_a_flipped_byte(edgewise: Run, moved: Path) -> None:
    model = moved / "mobilenetv2-w8a8.tflite"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    ended = edgewise("verify", moved)
    assert (ended.code, ended.stdout) == (1, "")
    assert "mobilenetv2-w8a8.tflite is damaged: it does not match the manifest's SHA-256" in ended.complaint


def test_a_model_that_answers_otherwise_than_it_did(edgewise: Run, moved: Path) -> None:
    golden = moved / "golden" / "output.npy"
    np.save(golden, np.load(golden)[:, ::-1].copy())
    manifest = json.loads((moved / "manifest.json").read_text())
    manifest["files"]["golden/output.npy"]["sha256"] = sha256_of(golden)
    (moved / "manifest.json").write_text(json.dumps(manifest))
    ended = edgewise("verify", moved)
    assert (ended.code, ended.stdout) == (4, "")
    assert "the golden sample differs on this machine by " in ended.complaint


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["any", "pi5"])
def test_a_file_that_is_not_for_this_processor(edgewise: Run, made_for: dict[str, Any], asked: str) -> None:
    """Where this machine computes the file as its exporter judged it, there is nothing to tell."""
    (product,) = made_for[asked].document["bundles"]
    ended = edgewise("verify", product["bundle"], "--min-agreement", 0)
    told = "is not made for this processor (x86 without VNNI)" in ended.stderr
    assert told == (asked != "any" and saturates())


def test_a_folder_that_is_no_bundle(edgewise: Run, pictures: Path) -> None:
    ended = edgewise("verify", pictures)
    assert (ended.code, ended.stdout) == (2, "")
    assert "contains no manifest.json" in ended.complaint


@pytest.mark.slow
def test_a_cluster_finds_the_same(edgewise: Run, bundle: Path, labelled: Path, ray_cluster: str) -> None:
    judged = ("verify", bundle, "--data", labelled, "--max-drop", 100, "--json")
    here, there = edgewise(*judged), edgewise(*judged, "--ray", ray_cluster, "--ray-memory", 1)
    assert there.code == 0, there.stderr
    assert (there.document, there.left) == (here.document, ())


def test_a_cluster_does_not_answer_for_a_device(edgewise: Run, bundle: Path) -> None:
    ended = edgewise("verify", bundle, "--device", "browser", "--ray", "auto")
    assert ended.code == 2
    assert "leave out one of --device and --ray" in ended.complaint
