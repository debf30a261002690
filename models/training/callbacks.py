"""Callbacks for Lightning's `Trainer`. It imports torch, so import this module inside functions."""

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint, RichProgressBar, WeightAveraging
from lightning.pytorch.plugins.io import TorchCheckpointIO
from rich.console import Console
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from torchmetrics.utilities.distributed import gather_all_tensors

from ..errors import EdgewiseError
from ..files import replacing_file
from .module import fix
from .optimizer import cycle_ends
from .recipe import TrainingRecipe
from .run import ANSWERS, COLUMNS, HISTORY, LAST, METRICS, MODEL, Row, best, write_metrics

Store = Callable[[Path, list[Row]], None]  # writes the weights of the last of these epochs
Tell = Callable[[Path, dict[int, tuple[int, float]]], None]  # writes what each validation picture is answered


class EpochRecorder(Checkpoint):
    """Writes the files of the run folder after each epoch, the state to resume from last.

    If the process is killed, all files are complete, and repeating the epoch writes the same ones again.
    """

    def __init__(self, folder: Path, recipe: TrainingRecipe, store: Store, tell: Tell) -> None:
        self.folder, self.recipe, self.store, self.tell = folder, recipe, store, tell
        self.history: list[Row] = []
        self._began = self._rate = 0.0
        self._answers: list[Tensor] = []  # of this device: (N, 2), the likeliest class and its probability

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint of Lightning, whatever this class is called."""
        return HISTORY

    def state_dict(self) -> dict[str, Any]:
        """JSON-serializable data for `run.history`."""
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue after the epochs in the state."""
        self.history = state_dict["history"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove metrics of an epoch that was interrupted."""
        if trainer.is_global_zero:
            write_metrics(self.folder / METRICS, self.history)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began, self._rate = time.monotonic(), 0.0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Record the epoch's highest learning rate."""
        self._rate = max(self._rate, trainer.optimizers[0].param_groups[0]["lr"])

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the answers of the epoch before."""
        self._answers = []

    def on_validation_batch_end(  # noqa: PLR0913, PLR0917 - as Lightning calls it
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the likeliest class of each picture, from the logits that the validation step returns."""
        likeliest = outputs.softmax(dim=1).max(dim=1)
        self._answers.append(torch.stack([likeliest.indices.float(), likeliest.values], dim=1))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write all files; runs on every rank, because metrics are gathered from all of them."""
        row = self._row(trainer)
        self.history.append(row)
        answers = self._gathered(trainer)
        if trainer.is_global_zero:
            if best(self.history) is row:
                self.store(self.folder / MODEL, self.history)
                self.tell(self.folder / ANSWERS, answers)
            ends = cycle_ends(self.recipe)
            if len(ends) > 1 and row["epoch"] in ends:
                number = ends.index(int(row["epoch"])) + 1
                self.store(self.folder / f"snapshot-{number}.safetensors", self.history)
            write_metrics(self.folder / METRICS, self.history)
        trainer.save_checkpoint(self.folder / LAST)

    def _gathered(self, trainer: Trainer) -> dict[int, tuple[int, float]]:
        """The answers of all devices by the number of the picture; devices see the pictures in turn."""
        sampler = cast(DataLoader[Any], trainer.val_dataloaders).sampler
        order = [index for _, batch in sampler for index in batch]
        own = torch.cat(self._answers)
        table = torch.column_stack([torch.tensor(order).to(own), own])
        tables = gather_all_tensors(table) if trainer.world_size > 1 else [table]
        rows = torch.cat(tables).tolist()
        return {int(index): (int(answer), share) for index, answer, share in rows}

    def _row(self, trainer: Trainer) -> Row:
        gathered = trainer.callback_metrics
        figures = {name: float(gathered[name]) for name in COLUMNS if name in gathered}
        if not all(map(math.isfinite, figures.values())):
            raise EdgewiseError(
                f"the loss is not finite after epoch {trainer.current_epoch + 1}: the training "
                f"diverged. {fix(self.recipe)}"
            )
        return {
            "epoch": trainer.current_epoch + 1,
            **figures,
            "learning_rate": self._rate,
            "seconds": time.monotonic() - self._began,
        }


class RunningMean(WeightAveraging):
    """An exponential moving average of weights and batch statistics, used for validation and resuming.

    The decay grows with the number of steps up to `decay`; otherwise much of the initial weights would remain
    after a short training.
    """

    def __init__(self, decay: float) -> None:
        def update(means: Any, currents: Any, steps: Tensor | int) -> None:
            grown = min(decay, (1 + float(steps)) / (10 + float(steps)))
            if means[0].is_floating_point():
                get_ema_multi_avg_fn(grown)(means, currents, steps)  # type: ignore[no-untyped-call]
            else:  # the counter of batches seen
                torch._foreach_copy_(means, currents)

        super().__init__(multi_avg_fn=update)

    @property
    def network(self) -> nn.Module:
        """The network with the averaged weights."""
        if self._average_model is None:
            raise RuntimeError("the average only exists while training")
        return cast(nn.Module, self._average_model.module.network)


class WholeFiles(TorchCheckpointIO):
    """Writes checkpoints atomically.

    Lightning writes to the temporary folder first. Moving the file to another disk is a copy, which a kill
    can truncate.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write to a file next to `path`, then rename it."""
        with replacing_file(Path(path)) as partial:
            torch.save(checkpoint, partial)


class ThreadFailures(Callback):
    """Raises in the training loop what ended a thread, such as that which writes TensorBoard's file.

    Otherwise the loop would wait for it forever once the queue between them is full. Use it as a context.
    """

    def __init__(self) -> None:
        self._errors: list[OSError] = []

    def __enter__(self) -> None:
        self._before, threading.excepthook = threading.excepthook, self._failed

    def __exit__(self, *ended: object) -> None:
        threading.excepthook = self._before

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Raise the error."""
        if self._errors:
            raise self._errors[0]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raise the error."""
        if self._errors:
            raise self._errors[0]

    def _failed(self, args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, OSError):
            self._errors.append(args.exc_value)
        else:
            self._before(args)


class Bar(RichProgressBar):
    """Lightning's progress bars on our own screen; the bar of a finished epoch stays, with its metrics."""

    def __init__(self, screen: Console) -> None:
        super().__init__(leave=True, console_kwargs={"file": screen.file, "force_terminal": True})

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The metrics next to the bar, without the logger's version number, which is always the same."""
        return {
            name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"
        }


class Lines(Callback):
    """Prints one line per epoch, where a bar cannot be drawn, and one now and then within a long epoch."""

    def __init__(self, epochs: int, screen: Console, every_s: float = 30.0) -> None:
        self.epochs, self.screen, self.every_s = epochs, screen, every_s
        self._began = self._said = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began = self._said = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Print a line where none was printed for a while."""
        now, done, steps = time.monotonic(), batch_idx + 1, int(trainer.num_training_batches)
        if trainer.is_global_zero and now - self._said >= self.every_s and done < steps:
            self._said = now
            left = (now - self._began) / done * (steps - done)
            self.screen.print(
                f"{self._title(trainer)}, step {done:,} of {steps:,}: loss {float(outputs['loss']):.3f}, "
                f"{_duration(left)} of training left in this epoch"
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line of the epoch."""
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if trainer.is_global_zero:
            self.screen.print(
                f"{self._title(trainer)}: loss {figures['train_loss']:.3f}, "
                f"validation loss {figures['val_loss']:.3f}, top-1 {figures['val_top1']:.1%}"
            )

    def _title(self, trainer: Trainer) -> str:
        return f"epoch {trainer.current_epoch + 1} of {self.epochs}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
