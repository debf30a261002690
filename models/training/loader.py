"""Batches for Lightning's `Trainer`. It imports torch, so import this module inside functions.

A picture's augmentation only depends on (seed, epoch, index), an epoch's order on (seed, epoch), and a
batch's mixing on (seed, epoch, first picture), not on workers, devices or earlier draws. A resumed run
therefore sees the same batches as an uninterrupted one.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import lightning
import numpy as np
import torch
from PIL import Image
from torch import Tensor, distributed
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data.distributed import DistributedSampler

from ..data import Dataset, Samples
from ..spec import Pixels, Preprocess
from .augment import Augmentation, drawing_from, mixing
from .recipe import TrainingRecipe

Batch: TypeAlias = tuple[Tensor, Tensor]  # (N, C, H, W) float32; (N,) int64, or mixed (N, classes) float32
Key: TypeAlias = tuple[int, list[int]]  # the epoch and the pictures of a batch
_PICTURE, _MIXTURE = 1, 2  # different streams for the same seed, epoch and index
_LESSON_ROOM, _EXAM_ROOM = 3 * 2**28, 2**28  # bytes for decoded pictures, over all workers of a device


class TrainingPictures(lightning.LightningDataModule):
    """The pictures of `dataset` as batches; `recipe.batch` is the batch size per device.

    Several devices split an epoch by torch.distributed's rank and world size into equally many batches each;
    Lightning's own sampler is not used, regardless of `use_distributed_sampler`. Together, in each step, they
    see what a single device with the total batch size would see. In validation each picture counts once,
    unless there are fewer pictures than devices.
    """

    def __init__(
        self, dataset: Dataset, preprocess: Preprocess, recipe: TrainingRecipe, workers: int
    ) -> None:
        super().__init__()
        self.dataset, self.preprocess, self.recipe, self.workers = dataset, preprocess, recipe, workers

    def train_dataloader(self) -> "DataLoader[Batch]":
        """Augmented pictures in random order, in full batches unless there is only one."""
        samples, classes = self._keeping(self.dataset.train, _LESSON_ROOM), len(self.dataset.labels)
        batches = Batches(samples, self.preprocess, self.recipe, classes)
        return self._loader(batches, Order(batches, self.recipe.batch, training=True))

    def val_dataloader(self) -> "DataLoader[Batch]":
        """Every picture with the evaluation preprocessing, in the order of the data set."""
        batches = Batches(self._keeping(self.dataset.val, _EXAM_ROOM), self.preprocess)
        # A batch of one could not be split evenly.
        return self._loader(batches, Order(batches, max(2, self.recipe.batch), training=False))

    test_dataloader = val_dataloader

    def _keeping(self, samples: Samples, room: int) -> Samples:
        return replace(samples, read=_Kept(samples.read, room // max(1, self.workers)))

    def _loader(self, batches: "Batches", order: "Order") -> "DataLoader[Batch]":
        return _LateLoader(
            batches,
            batch_size=None,  # the sampler returns whole batches
            sampler=order,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # otherwise each epoch draws from dropout's generator
        )


class Batches(TorchDataset[Batch]):
    """Batches of `samples` by (epoch, indices): augmented and mixed with a recipe, otherwise as evaluated."""

    def __init__(
        self, samples: Samples, preprocess: Preprocess, recipe: TrainingRecipe | None = None, classes: int = 0
    ) -> None:
        self.samples, self.preprocess = samples, preprocess
        self.seed = recipe.seed if recipe else 0
        self._augment = Augmentation(preprocess, recipe) if recipe else None
        self._mix = mixing(recipe, classes) if recipe else None

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.samples)

    def __getitem__(self, key: Key) -> Batch:
        """The pictures in channels-last memory format, and their classes."""
        epoch, indices = key
        # Normalising one picture at a time keeps it in the CPU cache and halves the time.
        values = [self.preprocess.normalise(self._pixels(epoch, index)) for index in indices]
        images = torch.from_numpy(np.stack(values)).permute(0, 3, 1, 2)
        targets = torch.tensor([self.samples.labels[index] for index in indices])
        if self._mix:
            with drawing_from(_MIXTURE, self.seed, epoch, indices[0]):
                images, targets = self._mix(images, targets)
        return images.contiguous(memory_format=torch.channels_last), targets

    def _pixels(self, epoch: int, index: int) -> Pixels:
        image = self.samples.read(index)
        if self._augment is None:
            return self.preprocess.crop(image)
        return self._augment(image, _PICTURE, self.seed, epoch, index)


class Order(DistributedSampler[Key]):
    """The pictures in each batch of this device, for the epoch set by Lightning.

    Lightning does not replace it with several devices, since it is a subclass of torch's own sampler.
    """

    def __init__(
        self, batches: Batches, batch: int, *, training: bool, device: tuple[int, int] | None = None
    ) -> None:
        rank, world = device or _device()
        super().__init__(batches, num_replicas=world, rank=rank, shuffle=training, seed=batches.seed)
        pictures, together = len(batches), batch * world
        # A last batch of one or two pictures would distort the batch norm statistics.
        self.steps = max(1, pictures // together) if training else math.ceil(pictures / together)
        self.taken = min(pictures, self.steps * together)

    def __len__(self) -> int:
        """The number of batches, the same on every device."""
        return self.steps

    def __iter__(self) -> Iterator[Key]:
        order = np.arange(self.taken)
        if self.shuffle:
            rng = np.random.default_rng([self.seed, self.epoch])
            order = rng.permutation(len(self.dataset))[: self.taken]  # type: ignore[arg-type]  # it has a length
        # Every device needs a picture: the others would wait for it.
        order = np.resize(order, max(self.taken, self.num_replicas))
        for together in np.array_split(order, self.steps):
            yield self.epoch, together[self.rank :: self.num_replicas].tolist()


class _LateLoader(DataLoader[Batch]):
    """Requests the first batch only when it is needed.

    Lightning creates the iterator before it passes the epoch of a resumed run to the sampler, and workers
    would immediately start on the pictures of epoch 0.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        yield from super().__iter__()


class _Kept:
    """Caches the pixels that `read` returns, up to `room` bytes.

    Each worker fills its own cache as it reads, so that training starts without a delay.
    """

    def __init__(self, read: Callable[[int], Image.Image], room: int) -> None:
        self._read, self._room = read, room
        self._pixels: dict[int, Pixels] = {}

    def __call__(self, index: int) -> Image.Image:
        if index in self._pixels:
            return Image.fromarray(self._pixels[index])
        image = self._read(index)
        pixels = np.asarray(image, np.uint8)
        if pixels.nbytes <= self._room:
            self._room -= pixels.nbytes
            self._pixels[index] = pixels
        return image


def _device() -> tuple[int, int]:
    """This device's rank and the number of devices."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
