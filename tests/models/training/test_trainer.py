"""Lightning's trainer: devices, warnings and interruption."""

import logging
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from edgewise.models.data import Dataset, Samples
from edgewise.models.errors import UsageError
from edgewise.models.spec import Labels, Preprocess
from edgewise.models.training.plan import Plan
from edgewise.models.training.recipe import TrainingRecipe
from edgewise.models.training.trainer import interruptible, make_trainer, progress, quiet

PICTURES = Samples((0, 1), lambda _: Image.new("RGB", (8, 8)))
DATA = Dataset("two", PICTURES, PICTURES, Labels(("a", "b")))


def plan(recipe: TrainingRecipe, **fields: Any) -> Plan:
    whole: dict[str, Any] = {"accelerator": "cpu", "out": Path("run"), **fields}
    return Plan("mobilenetv2", DATA, recipe, Preprocess(), None, "random", **whole)


@pytest.mark.parametrize(
    ("asked", "found"), [("auto", "32-true"), ("bf16-mixed", "bf16-mixed"), ("32-true", "32-true")]
)
def test_a_cpu_computes_in_float32_by_default(asked: Any, found: str) -> None:
    with quiet():
        assert make_trainer(plan(TrainingRecipe(precision=asked)), []).precision == found


def test_unavailable_devices_are_a_usage_error() -> None:
    with pytest.raises(
        UsageError, match=r"--accelerator abacus, --devices 1, .* not available on this machine \("
    ):
        make_trainer(plan(TrainingRecipe(), accelerator="abacus"), [])
    if not torch.cuda.is_available():
        with pytest.raises(
            UsageError, match=r"--accelerator gpu, --devices 2, .* not available on this machine \("
        ):
            make_trainer(plan(TrainingRecipe(), accelerator="gpu", devices=2), [])


def test_there_is_no_progress_without_a_screen() -> None:
    assert progress(3, None) == []


def test_lightnings_exit_after_ctrl_c_becomes_a_keyboard_interrupt() -> None:
    before = signal.getsignal(signal.SIGINT)

    def ctrl_c() -> None:
        raise KeyboardInterrupt

    def as_lightning_does() -> None:
        try:
            ctrl_c()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            sys.exit(1)

    with pytest.raises(KeyboardInterrupt), interruptible():
        as_lightning_does()
    assert signal.getsignal(signal.SIGINT) is before


def test_other_exits_are_not_changed() -> None:
    with pytest.raises(SystemExit), interruptible():
        sys.exit(3)


def test_only_known_noise_is_silenced() -> None:
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    with quiet():
        assert logger.level == logging.WARNING
        warnings.warn("The 'train_dataloader' does not have many workers", stacklevel=1)
        with pytest.raises(UserWarning, match="something else"):
            warnings.warn("something else", stacklevel=1)
    assert logger.level == level
