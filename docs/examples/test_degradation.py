"""Fails when a model degrades: against its float model, against its labels, or against what it was."""

import os
from pathlib import Path

import pytest

import edgewise

BUNDLE = Path(os.environ.get("EDGEWISE_BUNDLE", "dist/mobilenetv2-tflite-w8a8"))
DATA = os.environ.get("EDGEWISE_DATA")  # labelled folders; generated pictures without it
LOST_DB = 3.0  # what the SQNR may lose against the day of the export


@pytest.fixture(scope="module")
def verified() -> edgewise.VerifiedBundle:
    return edgewise.verify(BUNDLE, data=DATA, max_drop=1.0, min_agreement=0.75)


def test_this_machine_computes_what_was_exported(verified: edgewise.VerifiedBundle) -> None:
    assert verified.golden.cosine > 0.95  # with the original network, on the golden sample


def test_the_accuracy_gate_passes(verified: edgewise.VerifiedBundle) -> None:
    verified.require()


def test_it_follows_its_float_model_as_on_the_day_of_the_export(verified: edgewise.VerifiedBundle) -> None:
    now, then = verified.verification, verified.bundle.verification
    if now is None or then is None or now.pictures != then["pictures"]:
        pytest.skip("the manifest has no verification on the same pictures")
    assert now.agreement.sqnr_db > then["agreement"]["sqnr_db"] - LOST_DB


def test_it_is_int8_throughout() -> None:
    structure = edgewise.inspect(BUNDLE).structure
    assert structure.precision == "w8a8"
    assert not structure.islands, f"operators in float: {structure.islands}"
