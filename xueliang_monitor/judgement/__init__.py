"""Judgement: from visit results to the health of cameras, uplinks and the monitor's clock, and availability. Pure."""
