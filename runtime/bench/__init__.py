"""Latency with its conditions: what is asked for, how a device measures it, what it is worth.

`request` is what a device is told, `runner` the program that it runs, `worker` the process that holds one
model there, `events` what it sends back line by line, `record` what becomes of that, `trust` whether it
deserves belief, `compare` how two records of one run relate.
"""
