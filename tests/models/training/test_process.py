"""The main process is told from the others as Lightning does it, without importing Lightning."""

from importlib.util import find_spec

import pytest

from edgewise.models.errors import MissingDependencyError
from edgewise.models.training import process


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in process._RANKS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("ranks", "first"),
    [
        ({}, True),
        ({"LOCAL_RANK": "0"}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"RANK": "3", "LOCAL_RANK": "0"}, False),
        ({"LOCAL_RANK": "0", "SLURM_PROCID": "2"}, True),
        ({"SLURM_PROCID": "2"}, False),
    ],
)
def test_the_rank_is_what_lightning_takes(
    monkeypatch: pytest.MonkeyPatch, ranks: dict[str, str], first: bool
) -> None:
    for name, value in ranks.items():
        monkeypatch.setenv(name, value)
    assert process.is_first() is first
    if find_spec("lightning"):
        from lightning.fabric.utilities.rank_zero import _get_rank

        assert ((_get_rank() or 0) == 0) is first


def test_without_lightning_the_requirement_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(MissingDependencyError, match=r"pip install 'lightning[<>]"):
        process.is_first()
