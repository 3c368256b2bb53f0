"""Readers of fixed headers: what a file's own structure says, without unpacking or decoding.

`reading.py` has the two ways to run them: over a stream at the door, over a file in the worker.
"""
