"""Creates Lightning's `Trainer` from a plan, and silences its irrelevant messages."""

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .plan import Plan
from .recipe import TrainingRecipe

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import Callback
    from rich.console import Console

_LOG_EVERY = 20  # steps, for TensorBoard
_QUEUE = 1000  # of its events: where their writer has failed, there is room until the loop notices
_NOISE = (
    "does not have many workers",  # --workers is the user's choice
    "Grad strides do not match bucket view",  # for 1x1 kernels in channels-last format
    "find_unused_parameters=True was specified",  # once all layers train
    ".isinstance.treespec, LeafSpec",  # Lightning with a newer torch
)


def make_trainer(plan: Plan, callbacks: "list[Callback]") -> "Trainer":
    """Lightning's trainer with `callbacks` and those required by the recipe.

    Raises:
        UsageError: the devices are not available.
    """
    import torch
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import EarlyStopping, ProgressBar
    from lightning.pytorch.loggers import TensorBoardLogger

    from .callbacks import WholeFiles

    recipe, devices = plan.recipe, plan.devices * plan.nodes
    if recipe.patience:
        callbacks = [EarlyStopping("val_top1", mode="max", patience=recipe.patience), *callbacks]
    on_gpu = plan.accelerator in {"auto", "gpu", "cuda"} and torch.cuda.is_available()
    # DDP treats layers that are frozen for a while as unused; with 'head' it never sees the frozen ones.
    strategy = "ddp_find_unused_parameters_true" if recipe.tune == "gradual" else "ddp"
    try:
        return Trainer(
            accelerator=plan.accelerator,
            devices=plan.devices,
            num_nodes=plan.nodes,
            strategy=strategy if devices > 1 else "auto",
            precision=_precision(recipe, on_gpu=on_gpu),
            max_epochs=recipe.epochs,
            gradient_clip_val=recipe.clip or None,
            deterministic="warn" if on_gpu else None,
            logger=TensorBoardLogger(plan.out, name="", version="tensorboard", max_queue=_QUEUE),
            log_every_n_steps=max(1, min(_LOG_EVERY, len(plan.dataset.train) // (recipe.batch * devices))),
            callbacks=callbacks,
            plugins=[WholeFiles()],
            num_sanity_val_steps=0,
            enable_progress_bar=any(isinstance(one, ProgressBar) for one in callbacks),
            enable_model_summary=False,
        )
    except (MisconfigurationException, ValueError) as error:
        raise UsageError(
            f"--accelerator {plan.accelerator}, --devices {plan.devices}, --num-nodes {plan.nodes}, "
            f"--precision {recipe.precision}: not available on this machine ({str(error).splitlines()[0]})"
        ) from error


def _precision(recipe: TrainingRecipe, *, on_gpu: bool) -> Any:
    import torch

    if recipe.precision != "auto":
        return recipe.precision
    return "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"


def progress(epochs: int, screen: "Console | None") -> "list[Callback]":
    """Progress bars on a terminal, lines in a file, nothing without a screen."""
    from .callbacks import Bar, Lines

    if screen is None or screen.quiet:
        return []
    return [Bar(screen) if screen.is_terminal else Lines(epochs, screen)]


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Lightning's SystemExit after Ctrl-C back into a KeyboardInterrupt."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored
        raise KeyboardInterrupt from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's warnings about settings that are intentional."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for text in _NOISE:
            warnings.filterwarnings("ignore", f".*{text}")
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
