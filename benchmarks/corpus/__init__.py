"""Makes labelled picture cases from fixed-camera footage: faults in three severities, and what must stay healthy."""
