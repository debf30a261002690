"""What a device sends while it measures: a JSON object a line, so that what was finished is never lost.

    {"event": "machine", ...}                     the fields of `record.Machine`, first of all
    {"event": "opened", "contender": 0, "model": {...}, "engine": {...}, "load_ms": .., "first_ms": ..}
    {"event": "golden", "contender": 0, ...}      the fields of `record.Golden`
    {"event": "warm", "contender": 0, "warm_ups": 7}
    {"event": "before", ...}                      the fields of `record.Conditions`
    {"event": "samples", "contender": 0, "ms": [..]}      again and again, in turn
    {"event": "end_to_end", "contender": 0, "ms": [..]}
    {"event": "closed", "contender": 0, "peak_rss_bytes": ..}
    {"event": "after", "others": .., "energy_mj": {"0": ..}, ...}     the fields of `Conditions` beside them
    {"event": "error", "kind": "ParityError", "message": ".."}        and the run is over
    {"event": "done"}                             last of all

`contender` is the place in the request. Unknown events and fields are left for newer readers.
"""
