"""What the jobs are called with: a small model in memory, and a progress that keeps what it is told."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import schemas

from edgewise.models.model import Model
from edgewise.models.spec import ModelSpec
from edgewise.pipeline.document import VERSIONS
from edgewise.pipeline.progress import Counter
from edgewise.runtime.bench.record import BenchedModel, Conditions, Engine, Machine, Record, Trust
from edgewise.runtime.bench.timing import percentiles

if TYPE_CHECKING:
    from torch import nn


class Kept:
    """A `Progress` that keeps stages as (number, of, title), notices, and the last count of each stage."""

    def __init__(self) -> None:
        self.stages: list[tuple[int, int, str]] = []
        self.counts: dict[str, tuple[int, int]] = {}
        self.notices: list[str] = []
        self.ended: list[str] = []

    @contextmanager
    def stage(self, title: str, number: int, of: int) -> Iterator[Counter]:
        self.stages.append((number, of, title))

        def count(done: int, total: int) -> None:
            self.counts[title] = (done, total)

        yield count
        self.ended.append(title)

    def notice(self, line: str) -> None:
        self.notices.append(line)

    @property
    def titles(self) -> list[str]:
        return [title for _, _, title in self.stages]

    def require_numbered(self) -> None:
        """All stages are numbered from 1 to the last, which is as many as there were from the beginning."""
        count = len(self.stages)
        assert [(number, of) for number, of, _ in self.stages] == [(n + 1, count) for n in range(count)]
        assert self.ended == self.titles


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(scope="session")
def tiny_model(tiny_network: "nn.Module", tiny_spec: ModelSpec) -> Model:
    """The tiny network as a loaded model."""
    return Model(tiny_network, tiny_spec)


def document_of(result: Any, name: str) -> dict[str, Any]:
    """The result's document, after JSON that other programs can read."""
    found: dict[str, Any] = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert (found["schema"], found["schema_version"]) == (f"edgewise.{name}", VERSIONS[name])
    assert not schemas.misfits(found)
    assert len(repr(result)) < 2000
    return found


@pytest.fixture(scope="session")
def keeping() -> type[Kept]:
    """What makes such a progress."""
    return Kept


@pytest.fixture(scope="session", name="document_of")
def document_of_() -> Callable[[Any, str], dict[str, Any]]:
    return document_of


@pytest.fixture
def record() -> Record:
    """A latency record that can be trusted."""
    samples = tuple(4 + 0.01 * (index % 9) for index in range(3000))
    return Record(
        id="a20",
        run="run",
        started="2026-11-20T12:01:00+00:00",
        edgewise="0.1.0",
        device="ssh://pi@board",
        machine=Machine("Board 5", "Linux", "6.1", "glibc", "aarch64", "A76", None, 4, 8, "Python", None),
        model=BenchedModel("tiny", "tflite", "w8a8", "model", "ab" * 32, 1000),
        engine=Engine("LiteRT", "2.3.0", "XNNPACK", 1, 1),
        golden=None,
        threads=1,
        cpus=None,
        load_ms=1.5,
        first_ms=5.0,
        warm_ups=5,
        samples_ms=samples,
        end_to_end_ms=(),
        peak_rss_bytes=None,
        energy_mj=None,
        before=Conditions("2026-11-20T12:00:00Z", ("performance",), (2400.0, 2400.0), {"cpu": 50.0}),
        after=None,
        others=0.0,
        interrupted=None,
        summary=percentiles(samples),
        end_to_end=None,
        drift=1.0,
        verdict=Trust(trusted=True),
    )
