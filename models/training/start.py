"""Prepares the network for a training."""

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
    """Build the network with `weights`, except for the last layer if its number of classes differs.

    Raises:
        UsageError: the weights belong to another network.
    """
    network, last = build(architecture, classes), f"{head(architecture)}."
    expected = network.state_dict()
    rows = len(expected.get(f"{last}weight", ()))
    if rows != classes:  # a user's own network with a fixed number of outputs
        raise UsageError(
            f"{architecture.name}: the last layer has {rows} outputs, but the data has {classes} classes; "
            "give the factory a parameter num_classes"
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
            f"{origin}: does not fit {architecture.name}, {len(wrong or beyond)} tensors differ ({shown}); "
            "pass weights for this network"
        )
    if missing:  # do not combine a new bias with an old matrix
        fitting = {name: tensor for name, tensor in fitting.items() if not name.startswith(last)}
    network.load_state_dict(expected | fitting)  # complete: MNASNet expects more from old files
    return network


def _fits(tensor: "Tensor", place: "Tensor | None") -> bool:
    return place is not None and place.shape == tensor.shape


def set_dropout(network: "nn.Module", share: float) -> None:
    """Set the rate of every dropout layer.

    Raises:
        UsageError: the network has none.
    """
    from torch.nn.modules.dropout import _DropoutNd

    layers = [module for module in network.modules() if isinstance(module, _DropoutNd)]
    for layer in layers:
        layer.p = share
    # Most of timm's networks store the rate as an attribute and apply dropout before the last layer.
    by_number = isinstance(getattr(network, "drop_rate", None), float | int)
    if by_number:
        network.drop_rate = share  # type: ignore[assignment]  # a plain attribute of some networks
    if not layers and not by_number:
        raise UsageError(f"--dropout {share:g}: this network has no dropout layer; omit the option")
