"""Connections to cameras and name servers: every socket of the monitor but its own web server."""
