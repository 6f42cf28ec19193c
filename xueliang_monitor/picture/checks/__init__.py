"""One file a check: a fault's declaration and the pure function that judges it."""
