"""Trains the checkpoint that ships with the package, on generated pictures and nothing else.

    python -m edgewise.models.train [--epochs 15] [--pictures 24000] [--seed 0] [--out FILE]

The same seed, machine, number of threads and library versions give the same weights. It takes about an hour
on two cores.
"""

import argparse
import importlib.metadata
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .checkpoint import save
from .errors import EdgewiseError, MissingDependencyError, UsageError
from .shapes import EVALUATION_CLUTTER, EVALUATION_SEED, SHAPES, TRAIN_SEED, shape_pictures
from .spec import Labels, ModelSpec, Origin, Pixels, Preprocess
from .weights import BUNDLED

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader

SPEC = ModelSpec(
    name="mobilenetv2",
    preprocess=Preprocess(size=96, resize=96, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    labels=Labels(SHAPES),
    origin=Origin("bundled", "MobileNetV2 trained on generated shapes by edgewise.models.train", sha256=""),
)
CHECKPOINT = BUNDLED / f"{SPEC.name}-shapes.safetensors"
_LIBRARIES = ("lightning", "numpy", "pillow", "torch", "torchvision")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train: counts, the peak learning rate, the part of the steps that sees `small_size` pixels."""

    pictures: int = 24000
    epochs: int = 15
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    small_size: int = 48
    small_part: float = 0.65
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.pictures < self.batch:
            raise UsageError(
                f"--epochs {self.epochs} and --pictures {self.pictures}: "
                f"need at least 1 epoch and one batch of {self.batch} pictures"
            )


def train(recipe: Recipe, out: Path, judged_on: int = 4800) -> float:
    """Train MobileNetV2 by `recipe` and write it to `out`.

    Returns:
        The top-1, 0 to 1, of the weights as stored (float16) on the first `judged_on` evaluation pictures.

    Raises:
        MissingDependencyError: Lightning is not installed.
    """
    if importlib.util.find_spec("lightning") is None:
        raise MissingDependencyError("training", "train", "lightning")
    import lightning

    from ._lightning import Classifier

    lightning.seed_everything(recipe.seed, verbose=False)
    classifier = Classifier(_fresh_network(), recipe)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=recipe.epochs,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    size = SPEC.preprocess.size
    lessons = shape_pictures(size, TRAIN_SEED, recipe.pictures)
    trainer.fit(classifier, _loader(lessons, recipe.batch, training=True))
    _round_to_half(classifier.network)
    exam = shape_pictures(size, EVALUATION_SEED, judged_on, EVALUATION_CLUTTER)
    judged = trainer.test(classifier, _loader(exam, 100, training=False), verbose=False)
    top1 = judged[0]["top1"]
    out.parent.mkdir(parents=True, exist_ok=True)
    save(out, classifier.network, SPEC, _record(recipe, top1, judged_on))
    return top1


def _fresh_network() -> "torch.nn.Module":
    """MobileNetV2 whose residual blocks begin as identities.

    From P. Goyal et al., "Accurate, large minibatch SGD", arXiv:1706.02677, section 5.1.
    """
    import torch
    from torchvision.models import mobilenet_v2
    from torchvision.models.mobilenetv2 import InvertedResidual

    network: torch.nn.Module = mobilenet_v2(num_classes=len(SHAPES), dropout=0.0)
    for block in network.modules():
        if isinstance(block, InvertedResidual) and block.use_res_connect:
            torch.nn.init.zeros_(block.conv[-1].weight)
    return network


def _loader(pictures: tuple[Pixels, NDArray[np.int64]], batch: int, training: bool) -> "DataLoader[Any]":
    from torch.utils.data import DataLoader

    from ._lightning import Collate

    pairs = list(zip(*pictures, strict=True))
    return DataLoader(
        pairs,  # type: ignore[arg-type]  # a list is a dataset to DataLoader, if not to its type
        batch_size=batch,
        shuffle=training,
        drop_last=training,
        collate_fn=Collate(SPEC.preprocess, turned=training),
    )


def _round_to_half(network: "torch.nn.Module") -> None:
    """Give every weight the value that it will have when read back from the float16 file."""
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half())


def _record(recipe: Recipe, top1: float, judged_on: int) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe),
        "top1": round(top1, 6),
        "judged_on": f"{judged_on} generated pictures "
        f"(seed {EVALUATION_SEED}, clutter {EVALUATION_CLUTTER} to 1)",
        "versions": {library: importlib.metadata.version(library) for library in _LIBRARIES},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command of this module; returns the exit status."""
    default = Recipe()
    parser = argparse.ArgumentParser(prog="python -m edgewise.models.train", description=__doc__)
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--pictures", type=int, default=default.pictures)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--out", type=Path, default=CHECKPOINT)
    chosen = parser.parse_args(arguments)
    try:
        recipe = Recipe(pictures=chosen.pictures, epochs=chosen.epochs, seed=chosen.seed)
        top1 = train(recipe, chosen.out)
    except EdgewiseError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{chosen.out}: top-1 {top1:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
