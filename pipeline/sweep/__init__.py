"""Sweeps: many networks, targets and precisions, each built once, proven, timed, and compared over time."""
