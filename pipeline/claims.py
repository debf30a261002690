"""How good weights are said to be, by whoever trained or published them."""

from collections.abc import Mapping
from typing import Any

from ..models.spec import ModelSpec
from ..models.zoo import architectures
from ..runtime.judge.known import Claim, Known


def known(spec: ModelSpec, record: Mapping[str, Any] | None) -> Known:
    """What the description of a model and its training record say of it."""
    return Known(spec.labels.names, _claim(spec, record or {}))


def _claim(spec: ModelSpec, record: Mapping[str, Any]) -> Claim | None:
    """The accuracy of the training record; of ImageNet weights the published one."""
    top1 = record.get("top1")
    if isinstance(top1, float) and 0 <= top1 <= 1:
        return Claim(top1, f"its training record, on {record.get('judged_on', 'unknown pictures')}")
    if spec.origin.source != "imagenet":
        return None
    published = {row.name: row.top1 for row in architectures()}.get(spec.name)
    return None if published is None else Claim(published / 100, "the published figure on ImageNet")
