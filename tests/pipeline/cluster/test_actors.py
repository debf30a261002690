"""Shards that a Ray cluster answers give the figures of this machine, also where actors are lost."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import ModelSpec
from edgewise.models.synthetic import dead_leaves
from edgewise.pipeline.cluster.actors import on_cluster
from edgewise.pipeline.cluster.connection import ClusterPlan
from edgewise.runtime import Session, open_session
from edgewise.runtime.judge.answering import Elsewhere, Means, tallied
from edgewise.runtime.judge.evaluation import Pictures, from_folder
from edgewise.runtime.judge.shards import SHARD
from edgewise.runtime.judge.tally import Tally

pytestmark = pytest.mark.slow

COUNT = 3 * SHARD + 20


@pytest.fixture(scope="module")
def pictures(tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("photographs")
    for index in range(COUNT):
        file = folder / tiny_spec.labels.names[index % 6] / f"{index:04}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(dead_leaves(44, 1, index)).save(file)
    (folder / "ant" / "0006.png").write_bytes(b"not a picture")
    return from_folder(folder, tiny_spec)


@pytest.fixture
def sessions(onnx_float: Artifact, onnx_int8: Artifact) -> list[Session]:
    return [open_session(file.path, file.target, 2) for file in (onnx_float, onnx_int8)]


@pytest.fixture(scope="module")
def plan(ray_cluster: str) -> ClusterPlan:
    return ClusterPlan(ray_cluster, memory_gb=1)


def told(sessions: Sequence[Session], pictures: Pictures, spec: ModelSpec, means: Means) -> Tally:
    return tallied(sessions, pictures, spec.preprocess, lambda *_: None, means)


def answerers(address: str) -> list[int]:
    """The processes of actors of that cluster: other tests may have one of their own at the same time."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            node = Path("/proc", parent, "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if command.startswith(b"ray::_Answerer") and f":{address.rpartition(':')[2]}\0".encode() in node:
            found.append(int(folder.name))
    return found


def one_is_killed(elsewhere: Elsewhere, address: str) -> Elsewhere:
    """The same, but an actor is killed when the first shard has been answered."""

    def answered(*given: Any) -> Iterator[tuple[range, Tally]]:
        for number, found in enumerate(elsewhere(*given)):
            yield found
            if number == 0:
                os.kill(answerers(address)[0], signal.SIGKILL)

    return answered


def test_the_figures_are_those_of_this_machine(
    plan: ClusterPlan, sessions: list[Session], pictures: Pictures, tiny_spec: ModelSpec
) -> None:
    here = told(sessions, pictures, tiny_spec, Means(jobs=1))
    assert here.skipped == 1
    for most in (None, 1):
        with on_cluster(plan, [], most) as elsewhere:
            there = told(sessions, pictures, tiny_spec, Means(elsewhere=elsewhere))
        np.testing.assert_equal(asdict(there), asdict(here))
    end = time.monotonic() + 20  # an actor that was told to end may still do so
    while answerers(plan.address) and time.monotonic() < end:
        time.sleep(0.1)
    assert answerers(plan.address) == []


def test_what_a_lost_actor_had_is_answered_by_another(
    plan: ClusterPlan, sessions: list[Session], pictures: Pictures, tiny_spec: ModelSpec
) -> None:
    here = told(sessions, pictures, tiny_spec, Means(jobs=1))
    with on_cluster(plan, []) as elsewhere:
        there = told(sessions, pictures, tiny_spec, Means(elsewhere=one_is_killed(elsewhere, plan.address)))
    np.testing.assert_equal(asdict(there), asdict(here))


def test_what_a_session_raises_on_a_node_is_raised_here(
    plan: ClusterPlan, onnx_int8: Artifact, pictures: Pictures, tiny_spec: ModelSpec, tmp_path: Path
) -> None:
    copy = tmp_path / onnx_int8.path.name
    copy.write_bytes(onnx_int8.path.read_bytes())
    session: Session = open_session(copy, onnx_int8.target)
    copy.unlink()
    with on_cluster(plan, []) as elsewhere, pytest.raises(EdgewiseError, match=copy.name):
        told([session], pictures, tiny_spec, Means(elsewhere=elsewhere))
