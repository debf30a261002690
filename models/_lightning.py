"""The one training module, for Lightning's `Trainer`; import it inside functions, since torch is here."""

from typing import TYPE_CHECKING, TypeAlias

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from .spec import Pixels, Preprocess

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

    from .train import Recipe

Batch: TypeAlias = tuple[Tensor, Tensor]  # (N, 3, S, S) float32 and (N,) int64


class Classifier(lightning.LightningModule):
    """Teaches `network` by cross-entropy; `trainer.test` gives its `top1`, from 0 to 1.

    The first part of the steps sees the pictures shrunk, which costs a fraction and teaches nearly as
    much; the last part, at full size, also settles the batch statistics (M. Tan and Q. Le,
    "EfficientNetV2: Smaller models and faster training", arXiv:2104.00298).
    """

    def __init__(self, network: torch.nn.Module, recipe: "Recipe") -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.recipe = recipe

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The loss of one batch."""
        images, labels = batch
        recipe = self.recipe
        if self.global_step < recipe.small_part * self.trainer.estimated_stepping_batches:
            side = recipe.small_size
            images = functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
        logits = self.network(images)
        self.log("train_top1", _share_right(logits, labels), prog_bar=True, on_step=False, on_epoch=True)
        return functional.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)

    def test_step(self, batch: Batch, index: int) -> None:
        """Count what is right; Lightning weighs the batches by their length."""
        images, labels = batch
        self.log("top1", _share_right(self.network(images), labels), batch_size=len(labels))

    def configure_optimizers(self) -> "OptimizerLRSchedulerConfig":
        """AdamW; the rate warms up, then falls as a cosine to nothing."""
        recipe = self.recipe
        steps = int(self.trainer.estimated_stepping_batches)
        adam = torch.optim.AdamW(self.network.parameters(), weight_decay=recipe.weight_decay)
        schedule = OneCycleLR(adam, recipe.learning_rate, steps, pct_start=0.1)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Collate:
    """Makes a batch of (pixels, label) pairs; if `turned`, in one of the eight poses of the square."""

    def __init__(self, preprocess: Preprocess, turned: bool) -> None:
        self.preprocess, self.turned = preprocess, turned

    def __call__(self, pairs: list[tuple[Pixels, int]]) -> Batch:
        """A batch for `Classifier`, in channels-last memory order."""
        pixels = np.stack([pixels for pixels, _ in pairs])
        if self.turned:
            turn, mirror = divmod(int(torch.randint(8, ())), 2)
            pixels = np.rot90(pixels[:, :, :: 1 - 2 * mirror], turn, axes=(1, 2))
        images = self.preprocess.normalise(np.ascontiguousarray(pixels))
        return torch.from_numpy(images).permute(0, 3, 1, 2), torch.tensor([label for _, label in pairs])


def _share_right(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(dim=1) == labels).float().mean()
