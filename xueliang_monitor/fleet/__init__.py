"""The fleet's state in memory, and when each camera is visited."""
