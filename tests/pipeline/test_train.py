"""Training, from a program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import edgewise
from edgewise.models.checkpoint import load
from edgewise.models.synthetic import dead_leaves

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
    assert found.path == found.result.path == tmp_path / "run" / "model.safetensors"
    assert 0 <= found.top1 <= 1
    assert (found.plan.recipe.epochs, found.plan.recipe.batch) == (1, 4)
    assert load(found.path).record is not None
    assert document_of(found, "training")["path"] == str(found.path)
    assert repr(found).startswith("<Training mobilenetv2: top-1 ")
    assert repr(found).endswith(f" on 4 pictures after 1 epoch; {found.path}>")
    assert edgewise.load_model(found.path).spec.labels.names == ("ant", "bee")


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
