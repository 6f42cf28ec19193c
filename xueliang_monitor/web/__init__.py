"""The page, the API and /metrics over HTTP."""
