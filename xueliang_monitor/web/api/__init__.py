"""`/api/v1/`: the fleet as JSON: cameras, problems, sites, uplinks, maintenance, events; described by OpenAPI 3.1."""

from __future__ import annotations

from xueliang_monitor.web.api import cameras, lists, openapi, past

_DESCRIBED = (*cameras.ENDPOINTS, *lists.ENDPOINTS, *past.ENDPOINTS, past.LIVE)
_ITSELF = openapi.endpoint_of(_DESCRIBED)
ENDPOINTS = (*_DESCRIBED, _ITSELF)
"""Every address of the API."""

ROUTES = (*(endpoint.route for endpoint in ENDPOINTS if endpoint is not past.LIVE), past.LIVE_ROUTE)
