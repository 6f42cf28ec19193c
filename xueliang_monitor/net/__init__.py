"""The only sockets of the project."""
