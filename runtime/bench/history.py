"""Compare two records from different times: whether the model got slower, and what else changed.

The records were not interleaved, so temperature, frequency and load may have changed along with the model,
and the ratio has no confidence interval. The standard error of a median shrinks with the number of samples
and would flag every such change; the spread of single inferences within a run is the better scale.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from .record import Conditions, Record

# The drift within a run that `bench.trust` allows.
_NOTABLE = 1.05


def slower(record: Record, before: Record) -> str | None:
    """A sentence if the model got slower than in `before` by more than the spread of both records explains.

    That is: the 10th percentile is now above the previous 90th, and the median has risen by 5 % or more.
    """
    now, then = record.summary.p50_ms, before.summary.p50_ms
    if record.machine.emulated or before.machine.emulated:
        return None
    if np.percentile(record.samples_ms, 10) <= before.summary.p90_ms or now < _NOTABLE * then:
        return None
    sentence = (
        f"{record.model.title} got slower on {record.device}: {now:.2f} ms, {now / then:.2f} times the "
        f"{then:.2f} ms measured on {before.started[:10]} ({before.id[:8]})"
    )
    if record.verdict.reasons:
        return f"{sentence}; but this figure is not trusted"
    return sentence


def differences(older: Record, newer: Record) -> dict[str, tuple[Any, Any]]:
    """What differs between the two, by name: model, machine, versions and conditions."""
    before, after = _circumstances(older), _circumstances(newer)
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def _circumstances(record: Record) -> dict[str, Any]:
    """Everything that affects speed, as a flat dict."""
    machine = {f"machine {name}": value for name, value in asdict(record.machine).items()}
    model = {f"model {name}": value for name, value in asdict(record.model).items()}
    engine = {f"engine {name}": value for name, value in asdict(record.engine).items()}
    rest = {name: getattr(record, name) for name in ("edgewise", "device", "threads", "cpus", "others")}
    verdict = {"not trusted because": record.verdict.doubts}
    return model | engine | machine | rest | _conditions(record.before) | verdict


def _conditions(conditions: Conditions | None) -> dict[str, Any]:
    """The conditions at the start; of several cores and thermal zones, the fastest and the hottest."""
    found = conditions or Conditions("")
    return {
        "governors": sorted(set(found.governors)) if found.governors else None,
        "highest frequency, MHz": max(found.frequencies_mhz or (), default=None),
        "highest temperature, °C": max((found.temperatures_c or {}).values(), default=None),
        "throttled": found.throttled,
        "load": found.load,
    }
