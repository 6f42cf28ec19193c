"""A new camera: ask the device who it is, choose what to watch, and put it to the acceptance test."""
