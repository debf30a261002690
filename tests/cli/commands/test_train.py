"""The real program trains a small network on generated pictures, and exports what came of it."""

from pathlib import Path
from typing import Any

import pytest

SMALL = ("--imgsz", 32, "--resize", 32, "--weights", "random", "--batch", 12)
CLASSES = ("disc", "ring", "star")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of three shapes, 12 pictures each to learn from and 4 to judge by."""
    from PIL import Image

    from edgewise.models.shapes import SHAPES, shape_picture

    folder = tmp_path_factory.mktemp("train") / "shapes"
    for part, first, count in (("train", 0, 12), ("val", 1000, 4)):
        for name in CLASSES:
            place = folder / part / name
            place.mkdir(parents=True)
            for turn in range(first, first + count):
                pixels, _ = shape_picture(32, 5, turn * len(SHAPES) + SHAPES.index(name))
                Image.fromarray(pixels).save(place / f"{turn}.png")
    return folder


@pytest.fixture(scope="module")
def trained(edgewise: Any, shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two epochs, and how the program ended."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return edgewise(
        "train", "mobilenetv3small", "--data", shapes, *SMALL, "--epochs", 2, "--json", "--out", out
    )


@pytest.mark.slow
def test_a_run_leaves_a_checkpoint_and_its_curve(trained: Any) -> None:
    assert trained.code == 0, trained.stderr
    path = Path(trained.document["path"])
    assert trained.document["epochs"] == 2
    assert 0 <= trained.document["top1"] <= 1
    assert len((path.parent / "metrics.csv").read_text().splitlines()) == 3
    page = Path(trained.document["report"]).read_text("utf-8")
    assert page.startswith("<!doctype html>")
    # Two epochs teach little. What taught nothing is said on the terminal, in the document and on the page.
    titles = "NOTHING LEARNED", "AT CHANCE"
    told = [line for line in trained.document["notices"] if line.startswith(titles)]
    said = [line[2:] for line in trained.stderr.splitlines() if line[2:].startswith(titles)]
    assert said == told
    assert any(f"<strong>{title}</strong>" in page for title in titles) == bool(told)
    assert trained.left == ()


@pytest.mark.slow
def test_what_was_trained_goes_straight_into_export(edgewise: Any, trained: Any, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    ended = edgewise(
        *("export", trained.document["path"], "--to", "onnx", "--min-agreement", 0, "--json", "--out", out)
    )
    assert ended.code == 0, ended.stderr
    spec = ended.document["bundles"][0]["manifest"]["spec"]
    assert spec["name"] == "mobilenetv3small"
    assert spec["labels"]["names"] == sorted(CLASSES)
    assert spec["preprocess"]["size"] == 32
    assert not any("does not" in line for line in ended.document["notices"]), "it says all of itself"


@pytest.mark.slow
def test_a_finished_run_says_so(edgewise: Any, trained: Any, shapes: Path) -> None:
    out = Path(trained.document["path"]).parent
    ended = edgewise(
        *("train", "mobilenetv3small", "--data", shapes, *SMALL, "--epochs", 2, "--out", out, "--resume")
    )
    assert ended.code == 0, ended.stderr
    assert "this run is already finished (2 epochs)" in ended.stderr


@pytest.mark.slow
def test_a_folder_that_holds_a_run_is_not_written_over(edgewise: Any, trained: Any, shapes: Path) -> None:
    out = Path(trained.document["path"]).parent
    before = (out / "model.safetensors").read_bytes()
    ended = edgewise("train", "mobilenetv3small", "--data", shapes, *SMALL, "--out", out)
    assert ended.code == 2
    assert "--resume" in ended.complaint
    assert (out / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--epochs", 0), "--epochs 0: must be at least 1"),
        (("--cycles", 3, "--epochs", 2), "--cycles 3 with --epochs 2"),
        (("--warmup", 3, "--epochs", 2), "--warmup 3 with --epochs 2: the warm-up would never end"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(
    edgewise: Any, shapes: Path, options: tuple[object, ...], complaint: str
) -> None:
    ended = edgewise("train", "mobilenetv3small", "--data", shapes, *SMALL, *options)
    assert ended.code == 2
    assert complaint in ended.complaint
