"""One visit of one camera, and what is remembered from visit to visit."""
