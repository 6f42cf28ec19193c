"""Makes labelled picture cases from fixed-camera footage: faults in three severities, and healthy changes."""
