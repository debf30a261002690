"""However many processes answer, and wherever they begin, the tally is the same to the bit."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime import Opening, Session, open_session
from edgewise.runtime.judge import answering
from edgewise.runtime.judge.answering import Means, tallied
from edgewise.runtime.judge.evaluation import Pictures, answers, from_folder, unlabelled
from edgewise.runtime.judge.limits import Limits
from edgewise.runtime.judge.shards import SHARD, Wanted
from edgewise.runtime.judge.tally import Tally
from edgewise.runtime.judge.verdict import judge
from edgewise.runtime.judge.workers import in_workers

COUNT = 4 * SHARD + 20  # of which two are no pictures


@pytest.fixture(scope="module")
def pictures(tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("photographs")
    for index in range(COUNT):
        file = folder / tiny_spec.labels.names[index % 6] / f"{index:04}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(dead_leaves(44, 1, index)).save(file)
    for name in ("ant/0006.png", "fox/0269.png"):
        (folder / name).write_bytes(b"not a picture")
    return from_folder(folder, tiny_spec)


@pytest.fixture
def files(
    request: pytest.FixtureRequest,
    tiny_float: Artifact,
    tiny_int8: dict[str, Artifact],
    onnx_float: Artifact,
    onnx_int8: Artifact,
    openvino_float: Artifact,
    openvino_int8: Artifact,
) -> list[Artifact]:
    return {
        "tflite": [tiny_float, tiny_int8["int8"]],
        "onnx": [onnx_float, onnx_int8],
        "openvino": [openvino_float, openvino_int8],
    }[request.param]


def eager(patch: pytest.MonkeyPatch) -> None:
    """Processes are started after the first shard."""
    patch.setattr(answering, "_WORTH_S", 0.0)


@pytest.mark.parametrize("files", ["tflite", "onnx", "openvino"], indirect=True)
def test_the_number_of_processes_changes_no_bit(
    files: Sequence[Artifact], pictures: Pictures, tiny_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[Session] = [open_session(file.path, file.target, 2) for file in files]
    alone = tallied(sessions, pictures, tiny_spec.preprocess, lambda *_: None, Means(jobs=1))
    assert alone.skipped == 2
    assert len(alone.indices) == COUNT - 2
    eager(monkeypatch)
    limits = Limits(1.0, 0.75)
    told: list[tuple[int, int]] = []
    for jobs in (2, 3):
        told.clear()
        means = Means(jobs, sample=True)
        seen = tallied(sessions, pictures, tiny_spec.preprocess, lambda *now: told.append(now), means)
        np.testing.assert_equal(asdict(replace(seen, sample=None)), asdict(alone))
        assert told == sorted(told)
        assert told[-1] == (COUNT, COUNT)
        assert judge(seen, pictures, limits) == judge(alone, pictures, limits)
    exact = answers(sessions, pictures, tiny_spec.preprocess, lambda *_: None)
    np.testing.assert_equal(asdict(Tally.of(exact)), asdict(alone))  # all logits at once
    assert seen.sample is not None
    np.testing.assert_array_equal(seen.sample.indices, exact.indices)
    np.testing.assert_array_equal(seen.sample.logits[1], exact.logits[1])


def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of processes that are started from now on."""
    counts: list[int] = []

    def counted(
        openings: Sequence[Opening], wanted: Wanted, parts: Sequence[range], jobs: int
    ) -> Iterator[tuple[range, Tally]]:
        counts.append(jobs)
        return in_workers(openings, wanted, parts, jobs)

    monkeypatch.setattr(answering, "in_workers", counted)
    return counts


def of_this_process(session: Session) -> Session:
    """A session that no other process can open."""

    def answer(batch: Tensor32) -> Tensor32:
        return session(batch)

    return answer


def test_processes_are_started_only_where_they_pay(
    pictures: Pictures, tiny_float: Artifact, tiny_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = started(monkeypatch)
    session = open_session(tiny_float.path, "tflite", 1)

    def told(means: Means, asked: Sequence[Session] = (session,)) -> Tally:
        return tallied(asked, pictures, tiny_spec.preprocess, lambda *_: None, means)

    first = told(Means(jobs=2))
    assert not counts, "a second of work"
    ticking = itertools.count(0, 100)
    monkeypatch.setattr("edgewise.runtime.judge.answering.time.monotonic", lambda: next(ticking))
    np.testing.assert_equal(asdict(told(Means(jobs=2))), asdict(first))
    assert counts == [2], "hours of work"
    told(Means(jobs=1))
    told(Means(jobs=2), [of_this_process(session)])
    assert counts == [2], "one process was asked for; nobody else can open that session"


def test_a_network_in_this_process_answers_here(
    pictures: Pictures, tiny_float: Artifact, tiny_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = started(monkeypatch)
    eager(monkeypatch)
    session = open_session(tiny_float.path, "tflite", 1)
    mixed = [of_this_process(session), session]
    found = tallied(mixed, pictures, tiny_spec.preprocess, lambda *_: None)
    assert not counts
    assert found.agreement(0, 1).top1 == 1


def test_few_decided_pictures_keep_all_logits(tiny_float: Artifact, tiny_spec: ModelSpec) -> None:
    session = open_session(tiny_float.path, "tflite", 1)
    found = tallied([session, session], unlabelled(0), tiny_spec.preprocess, lambda *_: None)
    assert found.sample is not None
    assert found.sample.logits[0].shape == (40, 6)
    np.testing.assert_array_equal(found.sample.indices, found.indices)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_set_without_a_readable_picture_is_an_error(
    jobs: int, tiny_float: Artifact, tiny_spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eager(monkeypatch)
    for index in range(3 * SHARD):
        (tmp_path / "ant").mkdir(exist_ok=True)
        (tmp_path / "ant" / f"{index}.png").write_bytes(b"not a picture")
    session = open_session(tiny_float.path, "tflite", 1)
    with pytest.raises(EdgewiseError, match=f"none of {3 * SHARD} pictures can be read"):
        tallied(
            [session], from_folder(tmp_path, tiny_spec), tiny_spec.preprocess, lambda *_: None, Means(jobs)
        )
