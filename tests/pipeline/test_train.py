"""Training, from a program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import edgewise
from edgewise.models.checkpoint import load
from edgewise.models.synthetic import dead_leaves
from edgewise.models.training.run import so_far

Documented = Callable[[Any, str], dict[str, Any]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of eight pictures."""
    folder = tmp_path / "photos"
    for index in range(16):
        place = folder / ("ant", "bee")[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dead_leaves(48, index % 2, index)).save(place / f"{index:02}.png")
    return folder


@pytest.mark.slow
def test_a_run_is_short_to_look_at_and_convert_takes_its_path(
    photos: Path, tmp_path: Path, kept: Any, document_of: Documented
) -> None:
    found = edgewise.train(
        Path("mobilenetv2"),
        photos,
        weights="random",
        imgsz=32,
        resize=40,
        val_share=0.25,
        out=tmp_path / "run",
        progress=kept,
        epochs=1,
        batch=4,
    )
    kept.require_numbered()
    assert kept.titles[:2] == ["Load the network", "Read the pictures"]
    assert found.report == tmp_path / "run" / "report.html"
    page = found.report.read_text("utf-8")
    wrong = sum(not row.right for row in so_far(tmp_path / "run").answers)
    assert page.count("<img ") == wrong == round(4 * (1 - found.top1))
    assert f"edgewise export {found.path} --to tflite --int8" in page
    assert {line for line in kept.notices if line.startswith(("NOTHING LEARNED", "AT CHANCE"))} <= set(
        found.notices
    )
    assert found.path == found.result.path == tmp_path / "run" / "model.safetensors"
    assert 0 <= found.top1 <= 1
    assert (found.plan.recipe.epochs, found.plan.recipe.batch) == (1, 4)
    assert load(found.path).record is not None
    document = document_of(found, "training")
    assert (document["path"], document["report"]) == (str(found.path), str(found.report))
    assert repr(found).startswith("<Training mobilenetv2: top-1 ")
    assert repr(found).endswith(f" on 4 pictures after 1 epoch; {found.path}>")
    assert edgewise.load_model(found.path).spec.labels.names == ("ant", "bee")


@pytest.mark.slow
def test_a_run_is_extended_and_its_report_can_be_made_again(photos: Path, tmp_path: Path, kept: Any) -> None:
    small: dict[str, Any] = {"weights": "random", "imgsz": 32, "resize": 40, "batch": 4, "report": False}
    first = edgewise.train("mobilenetv3small", photos, out=tmp_path / "run", epochs=1, **small)
    assert (first.report, (tmp_path / "run" / "report.html").exists()) == (None, False)
    same = edgewise.train(
        "mobilenetv3small", photos, out=tmp_path / "run", resume=True, progress=kept, **small
    )
    assert same.result.epochs == 1  # the number of the run, not the default
    assert any("already finished (1 epochs); --epochs with more extends it" in line for line in kept.notices)
    more = edgewise.train("mobilenetv3small", photos, out=tmp_path / "run", resume=True, epochs=2, **small)
    assert more.result.epochs == more.plan.recipe.epochs == 2
    made = edgewise.report(tmp_path / "run", out=tmp_path / "page.html")
    assert (made.bundles, made.records) == ((), ())
    assert "2 epochs took " in made.path.read_text("utf-8")
    with pytest.raises(edgewise.UsageError, match="is a training run; pass it alone"):
        edgewise.report([tmp_path / "run", photos], out=tmp_path / "page.html")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"epoch": 3}, "unknown training option 'epoch': did you mean epochs"),
        ({"epochs": 0}, "epochs 0"),
        ({"weights": "nowhere.pth"}, r"nowhere\.pth"),
        ({"data": "nowhere"}, "nowhere"),
        ({"model": "xyz"}, "xyz"),
        ({"mean": "grey"}, "mean 'grey'"),
    ],
)
def test_options_that_cannot_be(photos: Path, tmp_path: Path, options: Any, complaint: str) -> None:
    given = {"model": "mobilenetv2", "data": photos, "out": tmp_path / "run", **options}
    with pytest.raises(edgewise.UsageError, match=complaint):
        edgewise.train(**given)
    assert not (tmp_path / "run").exists()
