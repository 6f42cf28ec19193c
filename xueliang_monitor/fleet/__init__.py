"""The state of the fleet in memory, and the schedule of visits."""
