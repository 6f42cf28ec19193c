"""Simulated cameras: real sockets, real codecs, faults that can be set at run time."""
