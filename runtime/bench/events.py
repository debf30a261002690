"""The events that a device sends while it measures, one JSON object per line, so that no result is lost.

    {"event": "machine", ...}                     the fields of `record.Machine`; the first event
    {"event": "opened", "contender": 0, "model": {...}, "engine": {...}, "load_ms": .., "first_ms": ..}
    {"event": "golden", "contender": 0, ...}      the fields of `record.Golden`
    {"event": "warm", "contender": 0, "warm_ups": 7}
    {"event": "before", ...}                      the fields of `record.Conditions`
    {"event": "samples", "contender": 0, "ms": [..]}      repeatedly, in turn
    {"event": "end_to_end", "contender": 0, "ms": [..]}
    {"event": "closed", "contender": 0, "peak_rss_bytes": ..}
    {"event": "after", "others": .., "energy_mj": {"0": ..}, ...}     with the fields of `Conditions`
    {"event": "error", "kind": "ParityError", "message": ".."}        and the run ends
    {"event": "done"}                             the last event

`contender` is the position in the request. Readers ignore unknown events and fields.
"""
