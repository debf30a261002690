"""The training and validation steps, on a network with one layer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from edgewise.models.errors import EdgewiseError
from edgewise.models.training.module import Learner
from edgewise.models.training.recipe import TrainingRecipe
from edgewise.models.training.start import set_dropout
from edgewise.models.training.trainer import quiet

torch.manual_seed(0)
IMAGES = torch.randn(10, 3, 2, 2)
LABELS = torch.arange(10) % 3


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout(), nn.Linear(16, 3))


def groups(net: nn.Module) -> dict[str, int]:
    return {name: int(name.startswith("4")) for name, _ in net.named_parameters()}


def learner(weights: list[float] | None = None, **recipe: Any) -> Learner:
    net = network()
    return Learner(net, TrainingRecipe(**{"epochs": 2, "batch": 5, **recipe}), groups(net), 3, weights)


def fit(taught: Learner, targets: Tensor, folder: Path) -> Trainer:
    with quiet():
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=taught.recipe.epochs,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            num_sanity_val_steps=0,
            default_root_dir=folder,
        )
        pairs = list(zip(IMAGES, targets, strict=True))
        exam = list(zip(IMAGES, LABELS, strict=True))
        trainer.fit(taught, DataLoader(pairs, 5), DataLoader(exam, 4))  # type: ignore[arg-type]
    return trainer


def test_validation_metrics_cover_all_pictures(tmp_path: Path) -> None:
    taught = learner(weights=[5.0, 1.0, 1.0])
    told = fit(taught, LABELS, tmp_path).callback_metrics
    with torch.inference_mode():
        logits = taught.network.eval()(IMAGES)
    right = (logits.argmax(dim=1) == LABELS).float()
    confidence = logits.softmax(dim=1).amax(dim=1)
    bins = (confidence * 15).ceil()
    ece = sum((right - confidence)[bins == one].sum().abs() for one in range(1, 16)) / 10
    assert told["val_loss"].item() == pytest.approx(functional.cross_entropy(logits, LABELS).item(), rel=1e-5)
    assert told["val_top1"].item() == pytest.approx(right.mean().item())
    assert told["val_ece"].item() == pytest.approx(float(ece), rel=1e-4)


@pytest.mark.parametrize("mixed", [False, True])
def test_the_loss_uses_label_smoothing_and_class_weights(tmp_path: Path, mixed: bool) -> None:
    targets = functional.one_hot(LABELS, 3).float() if mixed else LABELS
    taught = learner(weights=[2.0, 0.5, 0.5], label_smoothing=0.2, learning_rate=1e-12, epochs=1)
    set_dropout(taught.network, 0.0)
    told = fit(taught, targets, tmp_path).callback_metrics
    with torch.no_grad():
        losses = [
            functional.cross_entropy(
                network().train()[:3](IMAGES[part]) @ network()[4].weight.T + network()[4].bias,
                targets[part],
                torch.tensor([2, 0.5, 0.5]),
                label_smoothing=0.2,
            )
            for part in (slice(5), slice(5, 10))
        ]
    assert told["train_loss"].item() == pytest.approx(sum(losses).item() / 2, rel=1e-5)  # type: ignore[union-attr]


def test_random_draws_only_depend_on_the_seed_and_the_epoch(tmp_path: Path) -> None:
    first, second, other = learner(epochs=1), learner(epochs=1), learner(epochs=1, seed=1)
    for taught, before in ((first, 3), (second, 4), (other, 3)):
        torch.manual_seed(before)
        torch.randn(before)
        fit(taught, LABELS, tmp_path)
    assert torch.equal(*(one.network.get_parameter("4.weight") for one in (first, second)))
    assert not torch.equal(*(one.network.get_parameter("4.weight") for one in (first, other)))


def test_with_head_the_body_is_frozen_from_the_start(tmp_path: Path) -> None:
    taught = learner(tune="head")
    assert not taught.network.get_parameter("0.weight").requires_grad
    fit(taught, LABELS, tmp_path)
    found, begun = taught.network.state_dict(), network().state_dict()
    assert {name for name in begun if not torch.equal(found[name], begun[name])} == {"4.weight", "4.bias"}


def test_the_error_for_a_non_finite_loss_names_the_step(tmp_path: Path) -> None:
    soft = functional.one_hot(LABELS, 3).float()
    soft[7] = torch.nan
    with pytest.raises(
        EdgewiseError, match=r"the loss is nan in epoch 1, step 2: .*than 0.1, or with --clip 1"
    ):
        fit(learner(), soft, tmp_path)
