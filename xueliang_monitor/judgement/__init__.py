"""From reports to what people are shown: health, uplinks, our own clock, availability. Pure."""
