"""The events that a device sends while it measures, one JSON object per line, so that no result is lost.

    {"event": "machine", ...}                     the fields of `record.Machine`; the first event
    {"event": "placed", "cpus": [4, 5], "chosen": true}     null for all; whether the device chose them
    {"event": "opened", "contender": 0, "launch": 0, "model": {...}, "engine": {...},
     "load_ms": .., "first_ms": ..}
    {"event": "golden", "contender": 0, ...}      the fields of `record.Golden`
    {"event": "warm", "contender": 0, "warm_ups": 7}
    {"event": "before", ...}                      the fields of `record.Conditions`
    {"event": "samples", "contender": 0, "launch": 0, "ms": [..], "cpu_ms": [..], "mhz": ..}   in turn
    {"event": "end_to_end", "contender": 0, "ms": [..]}
    {"event": "closed", "contender": 0, "peak_rss_bytes": ..}
    {"event": "after", "others": .., "energy_mj": {"0": ..}, ...}     with the fields of `Conditions`
    {"event": "alone", "contender": 0, "at_s": .., "ms": [..], "mhz": .., "celsius": ..}       repeatedly
    {"event": "error", "kind": "ParityError", "message": ".."}        and the run ends
    {"event": "done"}                             the last event

`contender` is the position in the request, `launch` the number of the process; the events from "opened" to
"closed" come once for each launch, except "before" and "end_to_end". `at_s` is since this model began to run
alone. Readers ignore unknown events and fields.
"""
