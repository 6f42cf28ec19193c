"""Lets a command keep to what the daemon remembers of a camera's logins."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xueliang_monitor.model import AuthPolicy

if TYPE_CHECKING:
    from xueliang_monitor.commissioning.login_trial import KnownLogins
    from xueliang_monitor.model import Target


def guarded(target: Target, state: Path) -> Target:
    """Return a target that is not sent Basic if it offered Digest before, unless its file allows it.

    A history that cannot be read, such as another user's, remembers nothing.
    """
    from xueliang_monitor.storage.history import History
    from xueliang_monitor.storage.history_error import HistoryError

    if target.auth is AuthPolicy.BASIC:
        return target
    with contextlib.suppress(HistoryError), contextlib.closing(History(state, read_only=True)) as history:
        if history.offered_digest(target.id):
            return replace(target, auth=AuthPolicy.DIGEST)
    return target


def known_logins(state: Path) -> KnownLogins:
    """Return what the daemon stored of logins in its state folder; nothing without a history or its key."""
    from xueliang_monitor.commissioning.login_trial import KnownLogins
    from xueliang_monitor.storage import login_key
    from xueliang_monitor.storage.history import History
    from xueliang_monitor.storage.history_error import HistoryError

    with contextlib.suppress(HistoryError, OSError), contextlib.closing(History(state, read_only=True)) as history:
        if (state / login_key.FILE).exists():
            return KnownLogins(login_key.marks_in(state), history.logins())
    return KnownLogins()
