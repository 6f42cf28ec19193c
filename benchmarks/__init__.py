"""Benchmarks: each measures this project against a peer in the same run."""
