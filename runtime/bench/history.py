"""Two records of different times: whether the model got slower, and what else is not as it was.

They were not measured in turn, so temperature, frequency and neighbours may have changed with the model, and
no interval of the ratio can be given. The error of a median, which shrinks with the number of samples, would
cry at every such change; what single inferences spread by within a run is the better scale.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from .record import Conditions, Record

# What `bench.trust` lets a single run drift by.
_NOTABLE = 1.05


def slower(record: Record, before: Record) -> str | None:
    """A sentence where the model got slower than `before` by more than what both records' spread explains.

    That is: nine of ten inferences take longer than nine of ten did before, and the median is up by 5 %.
    """
    now, then = record.summary.p50_ms, before.summary.p50_ms
    if record.machine.emulated or before.machine.emulated:
        return None
    if np.percentile(record.samples_ms, 10) <= before.summary.p90_ms or now < _NOTABLE * then:
        return None
    sentence = (
        f"{record.model.title} got slower on {record.device}: {now:.2f} ms, {now / then:.2f} times the "
        f"{then:.2f} ms of {before.started[:10]} ({before.id[:8]})"
    )
    if not record.verdict.trusted:
        return f"{sentence}; but this figure is not trusted"
    return sentence


def differences(older: Record, newer: Record) -> dict[str, tuple[Any, Any]]:
    """What was not the same in both, by its name: the model, the machine, versions and conditions."""
    before, after = _circumstances(older), _circumstances(newer)
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def _circumstances(record: Record) -> dict[str, Any]:
    """All that bears on speed, flat."""
    machine = {f"machine {name}": value for name, value in asdict(record.machine).items()}
    model = {f"model {name}": value for name, value in asdict(record.model).items()}
    engine = {f"engine {name}": value for name, value in asdict(record.engine).items()}
    rest = {name: getattr(record, name) for name in ("edgewise", "device", "threads", "cpus", "others")}
    verdict = {"not trusted because": record.verdict.reasons}
    return model | engine | machine | rest | _conditions(record.before) | verdict


def _conditions(conditions: Conditions | None) -> dict[str, Any]:
    """Those at the start; of many cores and thermal zones the fastest and the hottest."""
    found = conditions or Conditions("")
    return {
        "governors": sorted(set(found.governors)) if found.governors else None,
        "highest frequency, MHz": max(found.frequencies_mhz or (), default=None),
        "highest temperature, °C": max((found.temperatures_c or {}).values(), default=None),
        "throttled": found.throttled,
        "load": found.load,
    }
