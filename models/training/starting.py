"""Resolves `--weights` to the initial weights of a training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import imagenet
from ..errors import UsageError
from ..final_step import final_step
from ..overrides import Overrides
from ..spec import Preprocess
from ..weights import load_model, model_name
from ..weights.fitting import count_outputs, head, taken
from ..weights.names import require_model
from ..weights.packaged import alternatives
from ..weights.published import description, is_available
from ..weights.untrained import seeded
from ..zoo import Architecture, find, preprocess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class StartingPoint:
    """An architecture's `name`, its initial weights (None: random), their origin and their classes."""

    name: str
    tensors: "Mapping[str, Tensor] | None"
    origin: str
    preprocess: Preprocess
    classes: tuple[str, ...] = ()

    def tensors_for(self, classes: tuple[str, ...]) -> "Mapping[str, Tensor] | None":
        """The weights for data with `classes`, the last layer in their order if they are the same."""
        if self.tensors is None or self.classes == classes or sorted(self.classes) != sorted(classes):
            return self.tensors
        order = list(map(self.classes.index, classes))
        last = f"{head(find(self.name))}."
        return {
            name: tensor[order] if name.startswith(last) else tensor for name, tensor in self.tensors.items()
        }


def starting_point(
    name: str, source: str, overrides: Overrides, announce: Callable[[str], None]
) -> StartingPoint:
    """Load the initial weights `source` for the architecture or checkpoint `name`.

    As for `load_model`, except that 'random' uses the library's own initialisation, and that 'auto' falls
    back to it if no ImageNet weights are available.

    Raises:
        UsageError, EdgewiseError, MissingDependencyError: as for `load_model`.
        UsageError: a user's own network ends in a softmax or sigmoid, or a network does not accept pictures
            of the size that `overrides` ask for.
    """
    require_model(name)
    own = None if name.endswith(".safetensors") else _of_own(find(name), overrides)
    if source == "auto" and not name.endswith(".safetensors"):
        asked = find(name)
        source = "imagenet" if is_available(asked) else "random"
        if source == "random" and description(asked):
            announce(
                f"The ImageNet weights of {asked.title} are not cached and their server cannot be "
                "reached. Starting from random weights. To use other weights, pass --weights imagenet or "
                f"--weights PATH; {alternatives()}"
            )
    if source == "random":
        architecture = find(name)
        plain = own or overrides.preprocess(preprocess(architecture))
        if not own and overrides.imgsz is not None:
            count_outputs(architecture.name, seeded(architecture, imagenet.CLASSES), plain.shape)
        return StartingPoint(architecture.name, None, "random weights", plain)
    model = load_model(name, source, overrides, announce)
    origin = f"{model.spec.origin.description} (sha256 {model.spec.origin.sha256[:12]})"
    classes = model.spec.labels.names
    return StartingPoint(model_name(name), model.network.state_dict(), origin, model.spec.preprocess, classes)


def _of_own(architecture: Architecture, overrides: Overrides) -> Preprocess | None:
    """The preprocessing for a user's own network, which may take grey pictures; None for any other."""
    if architecture.library != "file":
        return None
    network = seeded(architecture, imagenet.CLASSES).float()
    found, _ = taken(architecture.name, network, preprocess(architecture), overrides)
    if step := final_step(network, found.shape):
        raise UsageError(
            f"{architecture.name}: ends in a {step}, but training needs logits; leave the {step} out, which "
            "nothing else needs either"
        )
    return found
