"""Watch a camera network: which cameras are blind, and why."""

__version__ = "0.3.0"
