"""The training and validation steps for Lightning's `Trainer`. Import this module inside functions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError

from ..errors import EdgewiseError
from . import optimizer
from .progressive import shrunk, sides
from .recipe import TrainingRecipe
from .tune import first_learning, let_learn

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

    from .loader import Batch


class Learner(lightning.LightningModule):
    """Trains `network` with cross-entropy; validation reports top-1, loss and calibration error.

    Validation uses neither class weights nor label smoothing, and always computes in float32.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: TrainingRecipe,
        groups: Mapping[str, int],
        classes: int,
        class_weights: list[float] | None = None,
    ) -> None:
        super().__init__()
        if recipe.tune == "head":  # permanent, so before DDP looks for trainable weights
            let_learn(network, groups, max(groups.values()))
        self.network = network.train().to(memory_format=torch.channels_last)
        self.recipe, self.groups = recipe, groups
        self.class_weights: Tensor | None
        weights = torch.tensor(class_weights) if class_weights else None
        self.register_buffer("class_weights", weights, persistent=False)
        # Keep NaN, so that it is detected rather than skipped.
        self.train_loss, self.val_loss = (MeanMetric(nan_strategy="disable") for _ in range(2))
        self.train_top1, self.val_top1 = (MulticlassAccuracy(classes, average="micro") for _ in range(2))
        self.val_ece = MulticlassCalibrationError(classes, n_bins=15)
        self._unseen: tuple[Tensor, int] | None = None  # the last step's loss and number

    def on_train_start(self) -> None:
        """Begin at the rate of this schedule: a run with fewer epochs left the rate of its end."""
        (scheduler,) = (found.scheduler for found in self.trainer.lr_scheduler_configs)
        (optimizer_,) = self.trainer.optimizers
        assert isinstance(scheduler, LambdaLR)  # noqa: S101 - see configure_optimizers
        shares = [share(scheduler.last_epoch) for share in scheduler.lr_lambdas]
        for group, peak, share in zip(optimizer_.param_groups, scheduler.base_lrs, shares, strict=True):
            group["lr"] = peak * share

    def on_train_epoch_start(self) -> None:
        """Unfreeze the layers that train from this epoch on."""
        last = max(self.groups.values())
        let_learn(self.network, self.groups, first_learning(self.recipe, self.current_epoch, last))

    def on_train_batch_start(self, batch: "Batch", index: int) -> None:
        """Seed each epoch's draws (dropout, stochastic depth) by its number, regardless of earlier draws.

        At the first batch, because the loader draws when it starts, which is earlier in a resumed epoch.
        """
        if index == 0:
            key = np.random.SeedSequence([self.recipe.seed, self.current_epoch, self.global_rank])
            torch.manual_seed(int(key.generate_state(1)[0]))  # on a CPU, torch only uses 32 bits

    def training_step(self, batch: "Batch", index: int) -> Tensor:
        """The loss of one batch; targets are classes or, with mixing, probabilities for all classes."""
        images, targets = batch
        seen = sides(self.recipe, self.current_epoch, (images.shape[-2], images.shape[-1]))
        logits = self.network(shrunk(images, seen))
        loss = functional.cross_entropy(
            logits, targets, weight=self.class_weights, label_smoothing=self.recipe.label_smoothing
        )
        self.train_loss.update(loss.detach().expand(len(targets)))
        self.train_top1.update(logits.argmax(dim=1), targets if targets.ndim == 1 else targets.argmax(dim=1))
        self.log("loss", loss, prog_bar=True)
        self.log("rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("train_loss", self.train_loss, on_step=False, on_epoch=True)
        self.log("train_top1", self.train_top1, on_step=False, on_epoch=True)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: "Batch", index: int) -> None:
        """Check the loss of the previous step: waiting for this one would stall the device every time."""
        self._look()
        self._unseen = outputs["loss"].detach(), index

    def on_validation_epoch_start(self) -> None:
        """Check the loss of the last step."""
        self._look()

    def validation_step(self, batch: "Batch", index: int) -> Tensor:
        """Evaluate one batch; returns its (N, classes) logits."""
        images, targets = batch
        with torch.autocast(self.device.type, enabled=False):
            logits: Tensor = self.network(images)
        self.val_loss.update(functional.cross_entropy(logits, targets, reduction="none"))
        self.val_top1.update(logits, targets)
        self.val_ece.update(logits.softmax(dim=1), targets)
        self.log("val_loss", self.val_loss)
        self.log("val_top1", self.val_top1, prog_bar=True)
        self.log("val_ece", self.val_ece)
        return logits

    def configure_optimizers(self) -> "OptimizerLRSchedulerConfig":
        """See `optimizer`; the learning rate changes every step."""
        best = optimizer.optimizer(self.network, self.groups, self.recipe, self.trainer.world_size)
        steps = int(self.trainer.estimated_stepping_batches) // self.recipe.epochs
        schedule = LambdaLR(best, optimizer.schedule(self.recipe, steps))
        return {"optimizer": best, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _look(self) -> None:
        """Stop a training that has diverged, before its weights are stored.

        Raises:
            EdgewiseError: the loss is NaN or infinite.
        """
        unseen, self._unseen = self._unseen, None
        if unseen and not unseen[0].isfinite():
            raise EdgewiseError(
                f"the loss is {unseen[0].item():g} in epoch {self.current_epoch + 1}, step {unseen[1] + 1}: "
                f"the training diverged. {fix(self.recipe)}"
            )


def fix(recipe: TrainingRecipe) -> str:
    """Advice for a training that diverged."""
    return (
        f"Start again in another --out with a --learning-rate lower than {recipe.learning_rate:g}, or with "
        "--clip 1; files from earlier epochs are kept"
    )
