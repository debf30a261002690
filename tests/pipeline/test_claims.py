"""What weights claim to reach."""

from dataclasses import replace

import pytest

from edgewise.models.spec import ModelSpec, Origin
from edgewise.pipeline.claims import known
from edgewise.runtime.judge.known import Claim


def test_a_training_record_claims_its_accuracy(tiny_spec: ModelSpec) -> None:
    found = known(tiny_spec, {"top1": 0.8, "judged_on": "300 pictures of pets"})
    assert found.claim == Claim(0.8, "its training record, on 300 pictures of pets")
    assert found.names == tiny_spec.labels.names


def test_imagenet_weights_have_the_published_accuracy(tiny_spec: ModelSpec) -> None:
    origin = Origin("imagenet", "weights", "")
    found = known(replace(tiny_spec, name="mobilenetv2", origin=origin), None)
    assert found.claim is not None
    assert found.claim.top1 == pytest.approx(0.72)
    assert found.claim.source == "the published figure on ImageNet"
    assert known(replace(tiny_spec, name="timm:another", origin=origin), None).claim is None


@pytest.mark.parametrize("record", [None, {}, {"top1": None}, {"top1": 71.9}, {"members": []}])
def test_others_claim_nothing(tiny_spec: ModelSpec, record: dict[str, object] | None) -> None:
    assert known(tiny_spec, record).claim is None
