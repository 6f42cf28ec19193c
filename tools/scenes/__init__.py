"""Renders the scenes of the simulated cameras: nothing in them was filmed."""
