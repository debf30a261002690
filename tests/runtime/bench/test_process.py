"""The process of a contender: what the runner knows of its processor time."""

import os
from collections.abc import Callable
from pathlib import Path

from edgewise.runtime.bench.process import hired
from edgewise.runtime.bench.request import Contender


def test_the_processor_time_of_workers_is_known(
    tiny_bundle: Path, descendants: Callable[..., list[int]]
) -> None:
    contenders = [Contender(str(tiny_bundle), "reference"), Contender(str(tiny_bundle))]
    with Path(os.devnull).open("w") as events, hired(contenders, events, 3) as workers:
        assert [worker.place for worker in workers] == [3, 4]
        told = {"threads": 1, "cpus": None}
        for worker, contender in zip(workers, contenders, strict=True):
            worker.ask("open", bundle=contender.bundle, part=contender.part, **told)
            worker.ask("warm", least=1, seconds=0.1)
        pids = descendants(os.getpid(), "bench.worker")
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
        taken = sum(int(fields[11]) + int(fields[12]) for fields in stats) / os.sysconf("SC_CLK_TCK")
        assert len(pids) == 2
        assert abs(sum(worker.cpu_seconds for worker in workers) - taken) < 0.1
        assert taken > 0.2
