"""Attention over channels, places and tokens, and heads that read sequences."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .build import CLASSES, SIDE, WIDTH, block, function, head, tokens


class SqueezeExcite(nn.Module):
    """Channels, scaled by what the whole picture says (arXiv 1709.01507)."""

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.reduce, self.expand, self.gate = nn.Conv2d(WIDTH, 4, 1), nn.Conv2d(4, WIDTH, 1), gate

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels."""
        scale: Tensor = self.gate(self.expand(F.relu(self.reduce(x.mean((2, 3), keepdim=True)))))
        return x * scale


def _efficient(x: Tensor, layer: nn.Module) -> Tensor:
    """Efficient channel attention: a convolution over channels (arXiv 1910.03151)."""
    scale = torch.sigmoid(layer(x.mean((2, 3))[:, None]))[:, 0]
    return x * scale[:, :, None, None]


def _spatial(x: Tensor, layer: nn.Module) -> Tensor:
    """CBAM's attention to places (arXiv 1807.06521)."""
    seen = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
    return x * torch.sigmoid(layer(seen))


def _coordinates(x: Tensor, rows: nn.Module, columns: nn.Module) -> Tensor:
    """Coordinate attention (arXiv 2103.02907)."""
    return x * torch.sigmoid(rows(x.mean(3, keepdim=True))) * torch.sigmoid(columns(x.mean(2, keepdim=True)))


def _split(x: Tensor, layer: nn.Module, fc: nn.Module) -> Tensor:
    """Split attention of ResNeSt (arXiv 2004.08955): two branches, weighted by a softmax between them."""
    branches = layer(x).unflatten(1, (2, WIDTH))
    weights = fc(branches.sum(1).mean((2, 3))).unflatten(1, (2, WIDTH)).softmax(1)
    return (branches * weights[..., None, None]).sum(1)


class Attention(nn.Module):
    """Self-attention of 256 tokens in four heads, as timm writes it."""

    def __init__(self, *, fused: bool, bias: bool = False) -> None:
        super().__init__()
        self.qkv, self.proj, self.fused = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), fused
        self.bias = nn.Parameter(torch.randn(31 * 31, 4) * 0.1) if bias else None
        places = torch.stack(torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")).flatten(1)
        steps = places[:, :, None] - places[:, None] + SIDE - 1
        self.register_buffer("index", steps[0] * 31 + steps[1])

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        q, k, v = self.qkv(x).unflatten(2, (3, 4, WIDTH // 4)).permute(2, 0, 3, 1, 4).unbind(0)
        mask = None
        if self.bias is not None:
            index = self.get_buffer("index")
            mask = self.bias[index.flatten()].unflatten(0, index.shape).permute(2, 0, 1)
        if self.fused:
            seen = F.scaled_dot_product_attention(q, k, v, mask)
        else:
            scores = q @ k.transpose(2, 3) * (WIDTH // 4) ** -0.5
            seen = (scores if mask is None else scores + mask).softmax(3) @ v
        answer: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return answer


class Causal(nn.Module):
    """Attention to earlier tokens alone: minus infinity is added to the scores of the others."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        later = torch.ones(SIDE**2, SIDE**2, dtype=torch.bool).triu(1)
        self.register_buffer("mask", torch.zeros(SIDE**2, SIDE**2).masked_fill(later, -math.inf))

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        q, k, v = self.qkv(x).chunk(3, 2)
        return (q @ k.mT / WIDTH**0.5 + self.mask).softmax(2) @ v


class Windows(nn.Module):
    """Attention within 16 windows of 16 tokens, in five dimensions, as in Hiera (arXiv 2306.00989)."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        q, k, v = (
            self.qkv(x).unflatten(1, (16, 16)).unflatten(3, (3, 4, WIDTH // 4)).permute(3, 0, 4, 1, 2, 5)
        )
        seen = F.scaled_dot_product_attention(q, k, v)
        return seen.permute(0, 2, 3, 1, 4).flatten(3).flatten(1, 2)


class Multihead(nn.Module):
    """torch's own module, as torchvision's ViT uses it."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        answer: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return answer


def _linear(x: Tensor, qkv: nn.Module) -> Tensor:
    """Linear attention with ReLU kernels, as in EfficientViT (arXiv 2205.14756)."""
    q, k, v = qkv(x).chunk(3, 2)
    q, k = F.relu(q), F.relu(k)
    seen = torch.einsum("bnc,bcd->bnd", q, torch.einsum("bnc,bnd->bcd", k, v))
    return seen / (torch.einsum("bnc,bc->bn", q, k.sum(1))[..., None] + 1e-3)


class Linear(nn.Module):
    """Linear attention as a module of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        return _linear(x, self.qkv)


def _shifted(x: Tensor) -> Tensor:
    """Swin's cyclic shift and partition into windows, and back (arXiv 2103.14030)."""
    moved = torch.roll(x, (-2, -2), (2, 3))
    windows = moved.unflatten(2, (4, 4)).unflatten(4, (4, 4)).permute(0, 2, 4, 3, 5, 1)
    mixed = windows.flatten(3, 4).softmax(3).unflatten(3, (4, 4)).permute(0, 5, 1, 3, 2, 4)
    return x + torch.roll(mixed.flatten(4, 5).flatten(2, 3), (2, 2), (2, 3))


class ClassToken(nn.Module):
    """A learned token in front of the others, position embeddings, and logits from that token."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.places = nn.Parameter(torch.randn(1, SIDE * SIDE + 1, WIDTH) * 0.1)
        self.attention, self.linear = Attention(fused=True), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        sequence = torch.cat([self.token.expand(x.shape[0], -1, -1), x.flatten(2).transpose(1, 2)], 1)
        seen = sequence + self.places
        logits: Tensor = self.linear((seen + self.attention(seen))[:, 0])
        return logits


class Recurrent(nn.Module):
    """A head that reads the rows of the picture one after another."""

    def __init__(self, reads: nn.RNNBase) -> None:
        super().__init__()
        self.reads = reads
        self.linear = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the last state."""
        states, _ = self.reads(x.mean(3).transpose(1, 2))
        logits: Tensor = self.linear(states[:, -1])
        return logits


def _mixer() -> nn.Module:
    return nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))


def _non_local(x: Tensor, theta: nn.Module, phi: nn.Module, value: nn.Module) -> Tensor:
    """The non-local block (arXiv 1711.07971)."""
    scores = (theta(x).flatten(2).mT @ phi(x).flatten(2) / math.sqrt(WIDTH)).softmax(2)
    return x + (scores @ value(x).flatten(2).mT).mT.reshape(x.shape)


def _pointwise() -> nn.Module:
    return nn.Conv2d(WIDTH, WIDTH, 1)


NETWORKS = {
    "squeeze-and-excitation, Sigmoid": block(lambda: SqueezeExcite(nn.Sigmoid())),
    "squeeze-and-excitation, Hardsigmoid": block(lambda: SqueezeExcite(nn.Hardsigmoid())),
    "efficient channel attention": function(_efficient, lambda: nn.Conv1d(1, 1, 3, padding=1)),
    "attention to places (CBAM)": function(_spatial, lambda: nn.Conv2d(2, 1, 7, padding=3)),
    "coordinate attention": function(_coordinates, _pointwise, _pointwise),
    "split attention": function(
        _split,
        lambda: nn.Conv2d(WIDTH, 2 * WIDTH, 3, padding=1, groups=2),
        lambda: nn.Linear(WIDTH, 2 * WIDTH),
    ),
    "non-local block": function(_non_local, _pointwise, _pointwise, _pointwise),
    "MLP of tokens": tokens(_mixer),
    "attention, written out": tokens(lambda: Attention(fused=False)),
    "scaled_dot_product_attention": tokens(lambda: Attention(fused=True)),
    "relative position bias": tokens(lambda: Attention(fused=True, bias=True)),
    "attention within windows": tokens(Windows),
    "attention with a mask of -inf": tokens(Causal),
    "MultiheadAttention": tokens(Multihead),
    "linear attention, einsum": tokens(Linear),
    "shifted windows, roll": function(_shifted),
    "class token": head(ClassToken),
    "LSTM head": head(lambda: Recurrent(nn.LSTM(WIDTH, WIDTH, batch_first=True))),
    "GRU head": head(lambda: Recurrent(nn.GRU(WIDTH, WIDTH, batch_first=True))),
}
