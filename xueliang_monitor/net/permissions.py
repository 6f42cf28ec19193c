"""Which requests the user of a camera may make, as far as refusals tell; a camera counts them as failed logins."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field

MAX_USERS = 4096
"""Of how many users at servers it is remembered what they may ask."""

MAX_NEW = 2
"""How many operations may be found to be refused within `NEW_SECONDS`. Many cameras lock an account after three."""

NEW_SECONDS = 1800.0
ASKED_AGAIN_SECONDS = 6 * 3600.0
"""After this time a refused operation is requested again, as the user may have got the right since."""


@dataclass(slots=True)
class _User:
    allowed: set[str] = field(default_factory=set)
    refused: dict[str, float] = field(default_factory=dict)


class Permissions:
    """What users at servers may ask, by server and user name. Moments are seconds since the epoch."""

    def __init__(self) -> None:
        self._users: collections.OrderedDict[tuple[str, str], _User] = collections.OrderedDict()

    def why_not(self, user: tuple[str, str], operation: str, now: float) -> str:
        """Return why an operation is not requested now, an empty string if it may be."""
        known = self._users.get(user)
        if known is None or operation in known.allowed:
            return ""
        at = known.refused.get(operation)
        if at is not None and 0 <= now - at < ASKED_AGAIN_SECONDS:
            return "the user lacks the permission; it is asked again after some hours"
        if sum(0 <= now - each < NEW_SECONDS for each in known.refused.values()) >= MAX_NEW:
            return "it is not asked yet, as the camera has just refused this user other requests and may lock the user"
        return ""

    def note(self, user: tuple[str, str], operation: str, now: float, *, refused: bool) -> None:
        """Note the outcome of a request by a user whose login the camera accepts."""
        known = self._users.setdefault(user, _User())
        self._users.move_to_end(user)
        if len(self._users) > MAX_USERS:
            self._users.popitem(last=False)
        if refused:
            known.allowed.discard(operation)
            known.refused[operation] = now
        else:
            known.refused.pop(operation, None)
            known.allowed.add(operation)


PERMISSIONS = Permissions()
"""Of this process: all channels of a recorder share a user."""
