"""The monitor's process: its resource limits, pauses and shortages, and its background tasks."""
