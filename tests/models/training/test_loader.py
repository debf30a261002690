"""Batches: the same pictures regardless of workers, devices and interruptions."""

import pickle
from dataclasses import replace
from functools import partial
from pathlib import Path

import lightning
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.callbacks import ModelCheckpoint
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader

from edgewise.models.data import Dataset, Samples
from edgewise.models.shapes import SHAPES, shape_picture
from edgewise.models.spec import Labels, Preprocess
from edgewise.models.training.loader import Batch, Batches, Order, TrainingPictures, _Kept
from edgewise.models.training.recipe import TrainingRecipe

PREPROCESS = Preprocess(size=16, resize=18)
RECIPE = TrainingRecipe(batch=4, crop=0.35, flip=0.5, colour_jitter=0.4, randaugment=9, seed=5)


def shape(seed: int, index: int) -> Image.Image:
    return Image.fromarray(shape_picture(24, seed, index)[0])


def samples(seed: int, count: int) -> Samples:
    return Samples(tuple(index % len(SHAPES) for index in range(count)), partial(shape, seed))


DATASET = Dataset("shapes", samples(1, 14), samples(2, 7), Labels(SHAPES))


def pictures(
    recipe: TrainingRecipe = RECIPE, workers: int = 0, dataset: Dataset = DATASET
) -> TrainingPictures:
    return TrainingPictures(dataset, PREPROCESS, recipe, workers)


def epoch(loader: DataLoader[Batch], number: int) -> list[Batch]:
    assert isinstance(loader.sampler, Order)
    loader.sampler.set_epoch(number)
    return list(loader)


def same(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a, b)
        for first, second in zip(one, other, strict=True)
        for a, b in zip(first, second, strict=True)
    )


def test_a_batch_has_floats_in_channels_last_format_and_classes() -> None:
    for images, targets in epoch(pictures().train_dataloader(), 0):
        assert images.shape == (4, 3, 16, 16)
        assert images.dtype == torch.float32
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert targets.shape == (4,)
        assert targets.dtype == torch.int64


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_workers_do_not_change_the_batches(mixup: float) -> None:
    recipe = replace(RECIPE, mixup=mixup)
    alone, helped = (pictures(recipe, workers).train_dataloader() for workers in (0, 2))
    for number in (0, 3):
        assert same(epoch(alone, number), epoch(helped, number))


def test_epochs_differ_but_each_is_reproducible() -> None:
    loader = pictures().train_dataloader()
    first, second = epoch(loader, 0), epoch(loader, 1)
    assert not same(first, second)
    assert same(epoch(loader, 0), first)
    assert same(epoch(pictures().train_dataloader(), 1), second)
    assert not same(epoch(pictures(replace(RECIPE, seed=6)).train_dataloader(), 0), first)


def test_a_picture_is_the_same_in_any_batch() -> None:
    batches = Batches(DATASET.train, PREPROCESS, RECIPE, len(SHAPES))
    together, alone = batches[2, [9, 3, 7]], batches[2, [3]]
    assert torch.equal(together[0][1:2], alone[0])
    assert together[1].tolist() == [9, 3, 7]
    assert not torch.equal(batches[3, [3]][0], alone[0])


def test_mixed_targets_are_class_probabilities() -> None:
    recipe = replace(RECIPE, mixup=0.4, cutmix=1.0)
    for images, targets in epoch(pictures(recipe).train_dataloader(), 0):
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert targets.shape == (4, len(SHAPES))
        assert targets.dtype == torch.float32
        torch.testing.assert_close(targets.sum(1), torch.ones(4))


def test_values_stay_within_the_normalised_range() -> None:
    ends = PREPROCESS.normalise(np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
    low, high = (torch.from_numpy(end).reshape(3, 1, 1) for end in ends)
    for images, _ in epoch(pictures(replace(RECIPE, randaugment=30)).train_dataloader(), 0):
        assert (images >= low).all()
        assert (images <= high).all()


def test_with_everything_off_training_uses_the_evaluation_preprocessing() -> None:
    loader = pictures(TrainingRecipe(batch=4, crop=1, flip=0)).train_dataloader()
    expected = {PREPROCESS(DATASET.train.read(index)).tobytes() for index in range(14)}
    seen = [image.permute(1, 2, 0).numpy().tobytes() for images, _ in epoch(loader, 0) for image in images]
    assert len(set(seen)) == 12
    assert set(seen) < expected


@pytest.mark.parametrize("workers", [0, 1])
def test_validation_shows_each_picture_once_in_order(workers: int) -> None:
    data = pictures(workers=workers)
    for loader in (data.val_dataloader(), data.test_dataloader()):
        shown = epoch(loader, 4)
        images, labels = (torch.cat(parts) for parts in zip(*shown, strict=True))
        expected = np.stack([PREPROCESS(DATASET.val.read(index)) for index in range(7)])
        np.testing.assert_array_equal(images.permute(0, 2, 3, 1).numpy(), expected)
        assert labels.tolist() == list(DATASET.val.labels)


def test_loading_does_not_use_torchs_generator() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    epoch(pictures(replace(RECIPE, mixup=0.4)).train_dataloader(), 0)
    assert torch.equal(torch.rand(3), expected)


def order(count: int, batch: int, devices: int, *, training: bool, number: int = 0) -> list[list[list[int]]]:
    """The batches of each device."""
    batches, made = Batches(samples(1, count), PREPROCESS), []
    for rank in range(devices):
        sampler = Order(batches, batch, training=training, device=(rank, devices))
        sampler.set_epoch(number)
        keys = list(sampler)
        assert len(keys) == len(sampler)
        assert {key[0] for key in keys} == {number}
        made.append([indices for _, indices in keys])
    return made


COUNTS = st.integers(1, 200)


@given(COUNTS, st.integers(1, 70), st.integers(1, 5))
def test_devices_split_an_epoch_evenly(count: int, batch: int, devices: int) -> None:
    made = order(count, batch, devices, training=True)
    assert len({len(batches) for batches in made}) == 1
    sizes = {len(indices) for batches in made for indices in batches}
    steps = len(made[0])
    taken = [index for batches in made for indices in batches for index in indices]
    assert set(taken) <= set(range(count))
    if count >= batch * devices:
        assert sizes == {batch}
        assert steps == count // (batch * devices)
    else:
        assert steps == 1
        assert set(taken) == set(range(count))
        assert min(sizes) >= 1
        assert max(sizes) <= batch
    if count >= devices:
        assert len(set(taken)) == len(taken)


@given(COUNTS, st.integers(2, 70), st.integers(1, 5))
def test_validation_counts_each_picture_once_on_any_number_of_devices(
    count: int, batch: int, devices: int
) -> None:
    made = order(count, batch, devices, training=False)
    assert len({len(batches) for batches in made}) == 1
    assert all(1 <= len(indices) <= batch for batches in made for indices in batches)
    taken = sorted(index for batches in made for indices in batches for index in indices)
    assert taken == (list(range(count)) if count >= devices else sorted(np.resize(range(count), devices)))


def test_two_devices_see_the_same_as_one_with_twice_the_batch_size() -> None:
    for number in (0, 1):
        [one] = order(50, 8, 1, training=True, number=number)
        first, second = order(50, 4, 2, training=True, number=number)
        assert [set(indices) for indices in one] == [
            {*mine, *others} for mine, others in zip(first, second, strict=True)
        ]


def test_every_epoch_has_a_different_order() -> None:
    first, second = (order(50, 50, 1, training=True, number=number)[0][0] for number in (0, 1))
    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))


def counted(count: int, read: list[int]) -> Samples:
    """Pictures of 24 x 24 x 3 bytes that record when they are read."""

    def note(index: int) -> Image.Image:
        read.append(index)
        return shape(1, index)

    return Samples((0,) * count, note)


def test_pictures_are_decoded_once_while_the_cache_has_room() -> None:
    read: list[int] = []
    kept = _Kept(counted(3, read).read, 2 * 24 * 24 * 3)
    for index in (2, 0, 1, 1, 0, 2):
        assert kept(index).tobytes() == shape(1, index).tobytes()
    assert read == [2, 0, 1, 1]


def test_a_second_epoch_decodes_nothing() -> None:
    read: list[int] = []
    loader = pictures(dataset=replace(DATASET, train=counted(8, read))).train_dataloader()
    for number in range(3):
        epoch(loader, number)
    assert sorted(read) == list(range(8))


def test_batches_can_be_pickled_for_spawned_workers() -> None:
    batches = pictures(replace(RECIPE, mixup=0.4)).train_dataloader().dataset
    copy = pickle.loads(pickle.dumps(batches))  # noqa: S301 - our own
    assert same([copy[1, [3, 4]]], [batches[1, [3, 4]]])


class Witness(lightning.LightningModule):
    """Records the batches that it receives."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.seen: dict[int, list[float]] = {}

    def training_step(self, batch: Batch, _: int) -> Tensor:
        self.seen.setdefault(self.current_epoch, []).append(float(batch[0].double().sum()))
        loss: Tensor = self.layer(batch[0].mean((2, 3))).mean()
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(folder: Path, epochs: int, workers: int, resume: Path | None, *, at_end: bool) -> Witness:
    witness = Witness()
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ModelCheckpoint(folder, filename="last", save_on_train_epoch_end=at_end)],
        num_sanity_val_steps=0,
    )
    trainer.fit(witness, pictures(workers=workers), ckpt_path=resume)
    return witness


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[float]]:
    """The sums of the batches in three uninterrupted epochs."""
    return fit(tmp_path_factory.mktemp("whole"), 3, 0, None, at_end=True).seen


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:Checkpoint directory .* not empty")
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_run_sees_the_same_batches_as_an_uninterrupted_one(
    tmp_path: Path, whole: dict[int, list[float]], workers: int, at_end: bool
) -> None:
    before = fit(tmp_path, 1, workers, None, at_end=at_end).seen
    after = fit(tmp_path, 3, workers, tmp_path / "last.ckpt", at_end=at_end).seen
    assert sorted(before) == [0]
    assert sorted(after) == [1, 2]
    assert before | after == whole
