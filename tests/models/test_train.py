"""The training command on a handful of pictures, and the checkpoint that it once made for the package."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.models.checkpoint import load
from edgewise.models.errors import UsageError
from edgewise.models.shapes import EVALUATION_CLUTTER, EVALUATION_SEED, SHAPES, TRAIN_SEED, shape_pictures
from edgewise.models.train import CHECKPOINT, SPEC, Recipe, main, train

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytest.importorskip("lightning")

TINY = Recipe(pictures=48, epochs=2, batch=16, small_size=32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    out = tmp_path_factory.mktemp("trained") / "below" / "tiny.safetensors"
    return out, train(TINY, out, judged_on=24)


def test_training_writes_a_checkpoint_with_its_spec_and_record(trained: tuple[Path, float]) -> None:
    out, top1 = trained
    checkpoint = load(out)
    assert checkpoint.spec == SPEC
    assert checkpoint.record is not None
    assert checkpoint.record["recipe"]["pictures"] == TINY.pictures
    assert checkpoint.record["top1"] == pytest.approx(top1, abs=1e-6)
    assert set(checkpoint.record["versions"]) >= {"torch", "lightning"}


def test_the_top1_told_is_that_of_the_file(trained: tuple[Path, float]) -> None:
    out, top1 = trained
    assert _top1(out, 24) == pytest.approx(top1, abs=1e-6)


def test_training_moves_weights_and_batch_statistics(trained: tuple[Path, float]) -> None:
    tensors = load(trained[0]).tensors
    steps = TINY.epochs * TINY.pictures // TINY.batch
    assert tensors["features.0.1.num_batches_tracked"] == steps
    assert tensors["features.0.1.running_mean"].abs().max() > 0
    assert tensors["features.3.conv.3.weight"].abs().max() > 0  # it began at zero


def test_training_again_gives_the_same_weights(trained: tuple[Path, float], tmp_path: Path) -> None:
    train(TINY, tmp_path / "again.safetensors", judged_on=24)
    first, again = load(trained[0]).tensors, load(tmp_path / "again.safetensors").tensors
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_batch_is_preprocessed_as_everywhere_else() -> None:
    from edgewise.models._lightning import Collate

    pixels, labels = shape_pictures(96, TRAIN_SEED, 3)
    pairs = list(zip(pixels, labels, strict=True))
    images, targets = Collate(SPEC.preprocess, turned=False)(pairs)
    assert targets.tolist() == [0, 1, 2]
    for image, (picture, _) in zip(images, pairs, strict=True):
        expected = SPEC.preprocess(Image.fromarray(picture))
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), expected)


def test_turned_batches_take_the_eight_poses_of_the_square() -> None:
    from edgewise.models._lightning import Collate

    pixels, labels = shape_pictures(96, TRAIN_SEED, 1)
    plain = SPEC.preprocess.normalise(pixels[0])
    poses = {np.rot90(side, k).tobytes() for side in (plain, plain[:, ::-1]) for k in range(4)}
    collate = Collate(SPEC.preprocess, turned=True)
    torch.manual_seed(0)
    seen = {
        collate([(pixels[0], int(labels[0]))])[0][0].permute(1, 2, 0).numpy().tobytes() for _ in range(100)
    }
    assert seen == poses
    assert len(poses) == 8


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"pictures": 31}])
def test_a_recipe_without_a_step_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at least 1 epoch and one batch of 32"):
        Recipe(**wrong)


def test_the_command_says_what_is_wrong_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--epochs", "0"]) == UsageError.exit_code
    assert capsys.readouterr().err.count("\n") == 1


def test_the_bundled_checkpoint_is_small_and_good() -> None:
    checkpoint = load(CHECKPOINT)
    assert CHECKPOINT.stat().st_size < 10_000_000
    assert checkpoint.spec == SPEC
    assert checkpoint.record is not None
    assert 0.90 < checkpoint.record["top1"] < 0.99
    assert 0.90 < _top1(CHECKPOINT, 240) < 0.99


def _top1(path: Path, count: int) -> float:
    """Top-1 of a checkpoint of ours in torchvision's own MobileNetV2, on the first evaluation pictures."""
    network = torchvision.models.mobilenet_v2(num_classes=len(SHAPES))
    network.load_state_dict(load(path).tensors, strict=True)
    pixels, labels = shape_pictures(SPEC.preprocess.size, EVALUATION_SEED, count, EVALUATION_CLUTTER)
    images = torch.from_numpy(SPEC.preprocess.normalise(pixels)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        answers = network.eval()(images).argmax(dim=1)
    return float((answers.numpy() == labels).mean())
