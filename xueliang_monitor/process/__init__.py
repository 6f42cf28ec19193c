"""This process on its machine: its limits, pauses and shortages, and its background tasks."""
