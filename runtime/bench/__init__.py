"""Measure latency on a device, with the conditions of the measurement.

`request` is sent to a device, `runner` is the program that it runs, `worker` the process for one model,
`events` documents the lines sent back, `record` is the result, `trust` decides whether the result can be
trusted, and `compare` compares two records of one run.
"""
