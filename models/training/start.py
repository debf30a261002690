"""The network that a training begins with."""

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..weights.fitting import head
from ..zoo import Architecture, build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

_COUNTER = "num_batches_tracked"  # of batch norms; old checkpoints lack it
_SHOWN = 3


def begin(
    architecture: Architecture, classes: int, weights: "Mapping[str, Tensor] | None", origin: str
) -> "nn.Module":
    """The network for so many classes with `weights` in it, but for a last layer of other classes.

    Raises:
        UsageError: the weights are of another network.
    """
    network, last = build(architecture, classes), f"{head(architecture)}."
    expected = network.state_dict()
    rows = len(expected.get(f"{last}weight", ()))
    if rows != classes:  # a user's own
        raise UsageError(
            f"{architecture.name}: its last layer has {rows} outputs for {classes} classes to learn; let its "
            "factory take a number of classes"
        )
    if weights is None:
        return network
    fitting = {name: tensor for name, tensor in weights.items() if _fits(tensor, expected.get(name))}
    missing = [name for name in expected if name not in fitting and not name.endswith(_COUNTER)]
    beyond = [name for name in weights if name not in fitting]
    wrong = [name for name in dict.fromkeys(missing + beyond) if not name.startswith(last)]
    if wrong or any(name not in expected for name in beyond):
        shown = ", ".join((wrong or beyond)[:_SHOWN])
        raise UsageError(
            f"{origin}: does not fit {architecture.name}, {len(wrong or beyond)} tensors ({shown}); "
            "give weights of this network"
        )
    if missing:  # a new bias to an old matrix would be neither
        fitting = {name: tensor for name, tensor in fitting.items() if not name.startswith(last)}
    network.load_state_dict(expected | fitting)  # all of them: MNASNet asks old files for more
    return network


def _fits(tensor: "Tensor", place: "Tensor | None") -> bool:
    return place is not None and place.shape == tensor.shape


def set_dropout(network: "nn.Module", share: float) -> None:
    """Let every dropout layer drop this share of its inputs.

    Raises:
        UsageError: there is none.
    """
    from torch.nn.modules.dropout import _DropoutNd

    layers = [module for module in network.modules() if isinstance(module, _DropoutNd)]
    for layer in layers:
        layer.p = share
    # timm's way in most networks: a number at the network, which drops before its last layer.
    by_number = isinstance(getattr(network, "drop_rate", None), float | int)
    if by_number:
        network.drop_rate = share  # type: ignore[assignment]  # a plain attribute of some networks
    if not layers and not by_number:
        raise UsageError(f"--dropout {share:g}: this network has no dropout layer; leave the option out")
