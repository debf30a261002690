"""A cluster that cannot be used is told before any work begins, and how to make it usable."""

import socket
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.pipeline.cluster.connection import ClusterPlan, connected


@pytest.mark.parametrize("address", ["here", "ray://head:10001", "head:port", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no address of a Ray cluster"):
        ClusterPlan(address)


@pytest.mark.parametrize("memory_gb", [-1, float("nan"), float("inf")])
def test_memory_is_a_number(memory_gb: float) -> None:
    with pytest.raises(UsageError, match="ray_memory"):
        ClusterPlan("auto", memory_gb=memory_gb)


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (uv sync --extra ray)")
def test_where_nothing_listens_the_way_to_start_a_cluster_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(EdgewiseError, match="start one with `ray start --head`"):
            connected(ClusterPlan(f"127.0.0.1:{port}"), []).__enter__()


@pytest.mark.slow
def test_a_task_that_no_node_can_take_is_told_with_what_there_is(ray_cluster: str) -> None:
    plan = ClusterPlan(ray_cluster, cpus=1, memory_gb=500)
    with (
        pytest.raises(EdgewiseError, match=r"given 1 CPUs and 500 GB .* has 1 CPUs and 3\.0 GB"),
        connected(plan, []),
    ):
        pass


@pytest.mark.slow
def test_nodes_see_the_files_and_the_shared_folder(ray_cluster: str, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"model")
    for folder in ("val", "shared"):
        (tmp_path / folder).mkdir()
    paths = [tmp_path / "model.bin", tmp_path / "val"]
    with connected(ClusterPlan(ray_cluster, memory_gb=1), paths, tmp_path / "shared") as found:
        end = time.monotonic() + 60
        while found.slots < 2 and time.monotonic() < end:  # the second node may still be starting
            time.sleep(0.2)
        assert found.slots == 2
        assert set(found.needed.files) == {tmp_path / "model.bin"}
    with (
        pytest.raises(EdgewiseError, match=r"differ: .* cannot write into .*Note that every node needs"),
        connected(ClusterPlan(ray_cluster, memory_gb=1), [], tmp_path / "missing"),
    ):
        pass
