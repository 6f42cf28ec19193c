"""Registers a new camera: queries the device, chooses a profile, and runs the acceptance test."""
