"""For which processors a verdict holds."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.judge.saturation import explain, needs_exact, scope, unfit_here
from edgewise.runtime.processors import EVERY, Processor, without_pairs
from edgewise.runtime.structure import Overflow, Structure

SAFE = Structure((), {}, (), (), 0)
LAYERS = (Overflow("stem", 3, 33_000), Overflow("head", 1_997, 64_000), Overflow("foreign", None, None))
UNSAFE = replace(SAFE, overflow=LAYERS)
ELSEWHERE = without_pairs()


@pytest.fixture(params=[*Processor])
def host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Processor:
    """Each kind of processor, as if this machine had it."""
    processor: Processor = request.param
    monkeypatch.setattr(Processor, "host", lambda: processor)
    return processor


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("exact", [False, True])
def test_the_verdict_of_a_file_that_cannot_overflow_holds_everywhere(exact: bool) -> None:
    assert scope(SAFE, exact=exact) == EVERY
    assert not needs_exact(SAFE, ELSEWHERE)


def test_any_other_verdict_holds_where_the_arithmetic_is_this_machines(host: Processor) -> None:
    assert scope(UNSAFE, exact=False) == ((host,) if host.adds_pairs else ELSEWHERE)
    assert scope(UNSAFE, exact=True) == ELSEWHERE


def test_exact_arithmetic_is_for_files_that_are_not_for_this_machine(host: Processor) -> None:
    assert needs_exact(UNSAFE, ELSEWHERE) == host.adds_pairs
    assert not needs_exact(UNSAFE, EVERY)


def test_the_layers_are_counted_and_the_worst_is_named() -> None:
    assert explain(UNSAFE) == (
        "2,000 pairs of INT8 products in 3 layers (most in head) can exceed 16 bits, which saturate on "
        "x86 without VNNI"
    )
    assert explain(replace(SAFE, overflow=LAYERS[2:])).startswith("pairs of INT8 products in 1 layer ")


def test_a_bundle_says_where_its_verdict_holds(tiny_bundle: Path, host: Processor) -> None:
    bundle = Bundle.open(tiny_bundle)
    assert unfit_here(bundle) is None  # it was written without the section

    def judged(*processors: str) -> Bundle:
        return replace(bundle, manifest=bundle.manifest | {"processors": {"verdict_holds_for": processors}})

    assert unfit_here(judged(*EVERY)) is None
    said = unfit_here(judged(*ELSEWHERE))
    assert (said is not None) == host.adds_pairs
    if said:
        assert (
            "not made for this processor (x86 without VNNI): its verdict holds for Arm and x86 with" in said
        )
    with pytest.raises(EdgewiseError, match="export the bundle again"):
        unfit_here(judged("z80"))
