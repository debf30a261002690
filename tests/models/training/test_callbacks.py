"""Callbacks: the weight average, progress bars and atomic checkpoints."""

import errno
import io
import re
import threading
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from torch import Tensor, nn
from torch.utils.data import DataLoader

from edgewise.models.training.callbacks import Bar, Lines, RunningMean, ThreadFailures, WholeFiles
from edgewise.models.training.trainer import quiet

DECAY = 0.6


class Tiny(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        answers: Tensor = self.network(batch)
        self.log_dict({"train_loss": 1.0, "val_loss": 2.0, "val_top1": 0.5}, on_step=False, on_epoch=True)
        return answers.exp().sum()

    def validation_step(self, batch: Tensor, index: int) -> None:
        self.judged = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.network.parameters(), lr=0.1)


class Steps(Callback):
    def __init__(self) -> None:
        self.states: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *rest: object) -> None:
        assert isinstance(pl_module, Tiny)
        self.states.append({name: value.clone() for name, value in pl_module.network.state_dict().items()})


def fit(folder: Path, *callbacks: Callback, bar: bool = False) -> Tiny:
    torch.manual_seed(0)
    learner, data = Tiny(), torch.randn(24, 2)
    with quiet():
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=2,
            callbacks=list(callbacks),
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=bar,
            num_sanity_val_steps=0,
            default_root_dir=folder,
        )
        trainer.fit(learner, DataLoader(data, 4), DataLoader(data, 24))  # type: ignore[arg-type]
    return learner


def test_the_averaged_weights_are_validated_and_saved(tmp_path: Path) -> None:
    steps, mean = Steps(), RunningMean(DECAY)
    judged = fit(tmp_path, steps, mean).judged
    expected = dict(steps.states[0])
    for number, state in enumerate(steps.states[1:], start=1):
        decay = min(DECAY, (1 + number) / (10 + number))
        for name, value in state.items():
            expected[name] = (
                decay * expected[name] + (1 - decay) * value if value.is_floating_point() else value
            )
    kept = mean.network.state_dict()
    for name, value in expected.items():
        torch.testing.assert_close(kept[name], value)
        torch.testing.assert_close(judged[name], value)
    assert not torch.allclose(kept["0.weight"], steps.states[-1]["0.weight"])
    assert kept["1.num_batches_tracked"] == 12


def test_there_is_no_average_outside_training() -> None:
    with pytest.raises(RuntimeError, match="only exists while training"):
        _ = RunningMean(0.9).network


def test_bars_go_to_the_screen_without_the_logger_version(tmp_path: Path) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=200)
    fit(tmp_path, Bar(screen), bar=True)
    assert isinstance(screen.file, io.StringIO)
    assert "Epoch 1/1" in screen.file.getvalue()
    assert "v_num" not in screen.file.getvalue()


@pytest.mark.parametrize(("every_s", "lines"), [(0.0, 12), (1000.0, 2)])
def test_lines_within_an_epoch_come_now_and_then(tmp_path: Path, every_s: float, lines: int) -> None:
    screen = Console(file=io.StringIO(), width=200)
    fit(tmp_path, Lines(2, screen, every_s))
    assert isinstance(screen.file, io.StringIO)
    said = screen.file.getvalue().splitlines()
    assert len(said) == lines  # six steps in each of two epochs, the last of which is not worth a line
    if lines > 2:
        assert re.fullmatch(
            r"epoch 1 of 2, step 1 of 6: loss [\d.]+, \d+ s of training left in this epoch", said[0]
        )
    assert said[-1] == "epoch 2 of 2: loss 1.000, validation loss 2.000, top-1 50.0%"


def test_a_failed_write_keeps_the_previous_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint({"epoch": 1}, path)
    with pytest.raises(AttributeError, match="pickle"):
        WholeFiles().save_checkpoint({"epoch": lambda: 2}, path)
    assert torch.load(path, weights_only=True) == {"epoch": 1}


class InAThread(Callback):
    """Raises an error in a thread in the first step."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if trainer.global_step == 1:
            thread = threading.Thread(target=self.fail)
            thread.start()
            thread.join()

    def fail(self) -> None:
        raise self.error


def test_a_full_disk_in_a_thread_ends_the_training(tmp_path: Path) -> None:
    before, failures = threading.excepthook, ThreadFailures()
    full, steps = OSError(errno.ENOSPC, "No space left on device"), Steps()
    with pytest.raises(OSError, match="No space left") as raised, failures:
        fit(tmp_path, failures, steps, InAThread(full))
    assert raised.value is full
    assert len(steps.states) == 1  # the next step did not begin
    assert threading.excepthook is before


def test_a_mistake_in_a_thread_is_told_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda given: told.append(given.exc_value))
    failures, wrong, steps = ThreadFailures(), ValueError("wrong"), Steps()
    with failures:
        fit(tmp_path, failures, steps, InAThread(wrong))
    assert told == [wrong]
    assert len(steps.states) > 1
