"""`edgewise run`, with the real program for each step."""

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "pipeline.toml"


@pytest.fixture
def pipeline(nets: Path, labels: Path, tmp_path: Path) -> Path:
    """A file whose first and last step succeed, and whose second fails its gate."""
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(nets, place / "net.py")
    shutil.copy(labels, place / "labels.txt")
    network = 'to = "onnx"\nlabels = "labels.txt"\nimgsz = 32\nresize = 40\n'
    network += "calib-count = 8\nint8 = true\nreport = false\n"
    file = place / "mine.toml"
    file.write_text(
        f'[[steps]]\nrun = "export"\nname = "net.py:colours"\nout = "made"\n{network}\n'
        f'[[steps]]\nrun = "verify"\nbundle = "made"\nstrict = true\n\n'
        f'[[steps]]\nrun = "predict"\nbundle = "made"\nimages = "made/golden/image.png"\n'
    )
    return file


@pytest.mark.slow
def test_a_failed_step_ends_the_run_with_its_code_and_a_bundle_can_be_made_again(
    edgewise: Run, pipeline: Path
) -> None:
    place = pipeline.parent
    failed = edgewise("run", pipeline)
    assert failed.code == 3
    assert "step 2 of 3: edgewise verify made --strict\n" in failed.stderr
    assert "step 3 of 3" not in failed.stderr
    last = failed.stderr.splitlines()[-1]
    assert last.startswith("edgewise: step 2 (verify) failed with exit code 3; done before it: 1; ")
    assert last.endswith(f"edgewise run {pipeline} --from 2")
    assert failed.left == ()

    kept = place / "made" / "pipeline.toml"
    manifest = json.loads((place / "made" / "manifest.json").read_bytes())
    assert kept.read_bytes() == pipeline.read_bytes()
    assert manifest["documents"] == {
        "pipeline.toml": {
            "sha256": hashlib.sha256(kept.read_bytes()).hexdigest(),
            "size_bytes": kept.stat().st_size,
        }
    }
    model = (place / "made" / manifest["model"]).read_bytes()

    lost = edgewise("run", kept)
    assert (lost.code, "lies in a bundle" in lost.complaint) == (2, True)
    text = pipeline.read_text()
    pipeline.unlink()
    again = edgewise("run", kept, "--folder", place, "--json")
    assert again.code == 3
    assert again.document["error"]["message"].endswith(f"edgewise run {kept} --folder {place} --from 2")
    first, second, third = again.document["steps"]
    assert [step["exit_code"] for step in (first, second, third)] == [0, 3, None]
    assert first["document"]["schema"] == "edgewise.conversion"
    assert second["document"]["verification"]["verdict"] == "unproven"
    assert again.document["error"]["exit_name"] == "accuracy_gate"
    assert (place / "made" / manifest["model"]).read_bytes() == model
    assert kept.read_text() == text

    kept.write_text("[[steps]]\n")
    damaged = edgewise("verify", place / "made")
    assert "pipeline.toml has 10 bytes instead of " in damaged.complaint


@pytest.mark.slow
def test_later_steps_alone(edgewise: Run, pipeline: Path, tiny_bundle: Path) -> None:
    shutil.copytree(tiny_bundle, pipeline.parent / "made")
    ended = edgewise("run", pipeline, "--from", 3, "--quiet")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("made/golden/image.png\n")


def test_a_dry_run_shows_commands_and_runs_none(edgewise: Run, pipeline: Path) -> None:
    ended = edgewise("run", pipeline, "--dry-run", "--from", 2)
    assert ended.code == 0
    assert ended.stdout.splitlines() == [
        "edgewise verify made --strict",
        "edgewise predict made made/golden/image.png",
    ]
    assert not (pipeline.parent / "made").exists()
    told = edgewise("run", pipeline, "--dry-run", "--json").document
    assert told["steps"][0]["command"].endswith("--no-report --pipeline mine.toml")
    assert {step["exit_code"] for step in told["steps"]} == {None}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("strict", "strikt"), "mine.toml:16: strikt: unknown option of verify; did you mean strict?"),
        (("strict = true", "max-drop = 101"), "mine.toml:16: max-drop: "),
        (("[[steps]]", "[[stepps]]"), "mine.toml:1: stepps: unknown key"),
    ],
)
def test_nothing_runs_where_a_step_is_at_fault(
    edgewise: Run, pipeline: Path, change: tuple[str, str], complaint: str
) -> None:
    pipeline.write_text(pipeline.read_text().replace(*change))
    ended = edgewise("run", pipeline, "--json")
    assert ended.code == 2
    assert complaint in ended.error["message"]
    assert not (pipeline.parent / "made").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--from", "4"], "--from 4: the last step of "),
        (["--folder", "nowhere"], "nowhere: No such file or directory; pass the folder"),
    ],
)
def test_what_cannot_be_run(edgewise: Run, pipeline: Path, arguments: list[str], complaint: str) -> None:
    ended = edgewise("run", pipeline, *arguments)
    assert (ended.code, complaint in ended.complaint) == (2, True)


@pytest.mark.slow
def test_an_interruption_reaches_the_step(start: Callable[..., Any], tmp_path: Path) -> None:
    file, temporary = tmp_path / "long.toml", tmp_path / "tmp"
    temporary.mkdir()
    file.write_text(
        '[[steps]]\nrun = "train"\nname = "mobilenetv3small"\ndata = "shapes"\nweights = "random"\n'
        "imgsz = 32\nresize = 32\nepochs = 50\n"
    )
    with start("run", file, temporary=temporary) as child:
        begun = time.monotonic()
        while not (tmp_path / "runs").exists() and time.monotonic() - begun < 240:
            time.sleep(0.2)
        child.send_signal(signal.SIGTERM)
        _, stderr = child.communicate(timeout=240)
    assert child.returncode == 130
    assert stderr.splitlines()[-1] == "edgewise: interrupted; nothing half-written is left"
    assert not [path for path in temporary.iterdir() if path.name.startswith("edgewise-")]


@pytest.mark.slow
def test_the_example_of_the_documentation(edgewise: Run, tmp_path: Path) -> None:
    place = tmp_path / "place"
    made = edgewise(
        "data", "make", "shapes", place / "demo", *("--count", 240, "--val-count", 60, "--size", 48)
    )
    assert made.code == 0, made.stderr
    shutil.copy(EXAMPLE, place)
    ended = edgewise("run", place / EXAMPLE.name, "--json")
    assert ended.code == 0, ended.stderr
    assert ended.left == ()
    trained, exported, verified, benched, reported = (step["document"] for step in ended.document["steps"])
    assert trained["top1"] > 0.5
    assert verified["verification"]["verdict"] == exported["bundles"][0]["verdict"] == "pass"
    assert len(benched["records"]) == 2
    assert reported["path"] == "models.html"
    assert {"demo", "dist", "latency.jsonl", "models.html", "runs"} < {path.name for path in place.iterdir()}
    planned = edgewise("run", place / EXAMPLE.name, "--dry-run").stdout.splitlines()
    assert planned[0].endswith("--out runs/pipeline --resume")
