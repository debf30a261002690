"""Untrained networks with useful activations, for measuring size and speed and for experiments.

With the libraries' default initialisation, deep networks are chaotic (Poole et al., arXiv 1606.05340): small
differences in the input, such as rounding, grow from layer to layer. For input noise of -44 dB, the
signal-to-noise ratio at the output (the signal being the differences between pictures) was 5 dB for
MobileNetV2 and 11 dB for EfficientNet-B3, which no INT8 file can follow. Trained networks are stable.
Shifting the batch norms' outputs to where activation functions are nearly linear makes these stable too: 16
and 26 dB.
"""

import hashlib
from typing import TYPE_CHECKING

from ..spec import Preprocess
from ..synthetic import dead_leaves
from ..zoo import Architecture, build
from .fitting import head

if TYPE_CHECKING:
    import torch
    from torch import nn

SEED = 0
_PICTURES = 8
_DEVIATION = 2.0  # standard deviation of a logit over pictures
_OFF = 1e-4  # weights initialised this close to zero disable their branch


def stabilise(network: "nn.Module", architecture: Architecture, preprocess: Preprocess) -> None:
    """Give a `seeded` network reproducible random weights with useful activations, in place."""
    _switch_on(network)
    _calm(network)
    pictures = _pictures(preprocess)
    _fit_statistics(network, pictures)
    _centre(network, network.get_submodule(head(architecture)), pictures)


def seeded(architecture: Architecture, classes: int) -> "nn.Module":
    """The network as its library initialises it, with a fixed seed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return build(architecture, classes)


def digest(network: "nn.Module") -> str:
    """The sha256 of the network's weights."""
    sha256 = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        sha256.update(name.encode())
        sha256.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return sha256.hexdigest()


def _switch_on(network: "nn.Module") -> None:
    """Randomise weights that start at zero: heads, branch scales (LayerScale, the last norm of a residual).

    Without norms to preserve the signal's scale (AlexNet), the weights must (He et al., arXiv 1502.01852).
    """
    import torch
    from torch import nn

    random = torch.Generator().manual_seed(SEED)
    layers = list(network.modules())
    if not any(isinstance(layer, nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm) for layer in layers):
        for layer in layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=random)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith("bias") or weight.abs().max() > _OFF:
                continue
            if weight.numel() == max(weight.shape):
                weight.uniform_(0.5, 1.5, generator=random)
            else:
                weight.normal_(0, 0.02, generator=random)


def _calm(network: "nn.Module") -> None:
    """Let batch norms output mean 0.5 with half the standard deviation: 5 of 6 values are above zero."""
    import torch
    from torch import nn

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d) and module.affine:
                module.weight.mul_(0.5)
                module.bias.add_(0.5)


def _fit_statistics(network: "nn.Module", pictures: "torch.Tensor") -> None:
    """Set the batch norm statistics from generated pictures, as training would."""
    import torch
    from torch import nn

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
        norm.train()
    with torch.no_grad():
        network(pictures)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
        norm.eval()


def _centre(network: "nn.Module", last: "nn.Module", pictures: "torch.Tensor") -> None:
    """Make the logits differ between pictures: remove their mean and scale them as in a trained network."""
    import torch
    from torch import nn

    if (
        not isinstance(last, nn.Linear) or last.bias is None
    ):  # SqueezeNet's is a convolution, followed by more
        return
    with torch.no_grad():
        logits = network.eval()(pictures)
        scale = _DEVIATION / logits.std(0).mean().clamp(min=1e-6)
        last.weight.mul_(scale)
        last.bias.sub_(logits.mean(0)).mul_(scale)


def _pictures(preprocess: Preprocess) -> "torch.Tensor":
    import numpy as np
    import torch
    from PIL import Image

    leaves = (Image.fromarray(dead_leaves(preprocess.resize, SEED, index)) for index in range(_PICTURES))
    return torch.from_numpy(np.stack([preprocess(image) for image in leaves])).permute(0, 3, 1, 2)
