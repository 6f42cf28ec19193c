"""One file for each check: the declaration of a fault and the pure function that judges it."""
