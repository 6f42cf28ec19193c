"""Finds the request that a response answers: by its CSeq, or in order where a camera sends another (RFC 2326, 12.17).

Pure. Cameras answer with CSeq 0, with the number of the request before, with the same one all the time, or with none.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from xueliang_monitor.wire.messages import Response

MAX_OUTSTANDING, MAX_REMEMBERED = 32, 8
_NUMBER = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{1,12})\b")


@dataclass(frozen=True, slots=True)
class Answered:
    """A response answers request `number`, 0 if it answers none.

    `in_order` says that its CSeq does not say so, `repeats` that it looks like a response that was taken before.
    """

    number: int
    in_order: bool = False
    repeats: bool = False


def fits(method: str, response: Response) -> bool:
    """Return whether a response can be one to a method, by its status and headers."""
    if response.status == 401:
        return bool(response.headers.get("www-authenticate"))
    if not 200 <= response.status < 300:
        return True
    described = bool(response.body) or "application/sdp" in response.headers.get("content-type").lower()
    transport = bool(response.headers.get("transport"))
    if method == "DESCRIBE":
        return described
    if method == "SETUP":
        return transport or (bool(response.headers.get("session")) and not response.headers.get("rtp-info"))
    return not described and not transport


def numbers_of(response: Response) -> tuple[int, ...]:
    """Return what the CSeq headers of a response may mean, as decimal and as hexadecimal numbers."""
    numbers: list[int] = []
    for value in response.headers.all("cseq"):
        if match := _NUMBER.match(value.strip()):
            text = match[1]
            numbers += [int(text)] if text.isdecimal() and "x" not in match[0].lower() else []
            numbers.append(int(text, 16))
    return tuple(numbers)


class Conversation:
    """Remembers the requests that were not answered yet, and which responses were taken."""

    def __init__(self) -> None:
        self._outstanding: dict[int, str] = {}
        self._taken: deque[Response] = deque(maxlen=MAX_REMEMBERED)
        self._in_step = True
        self._offset: int | None = None

    def sent(self, number: int, method: str) -> None:
        """Take that a request was sent."""
        self._outstanding[number] = method
        if len(self._outstanding) > MAX_OUTSTANDING:
            del self._outstanding[next(iter(self._outstanding))]

    def take(self, response: Response) -> Answered:
        """Return which outstanding request a final response answers; it is then outstanding no more.

        A camera whose numbers were right so far may send a response twice. Such a one answers nothing.
        """
        numbers = numbers_of(response)
        number = self._by_number(numbers, response)
        if not number:
            if self._in_step and any(_repeats(response, taken) for taken in self._taken):
                return Answered(0, repeats=True)
            number = self._in_order(response)
        return self._settled(number, numbers, response) if number else Answered(0)

    def _in_order(self, response: Response) -> int:
        """Return the oldest outstanding request that a response can answer; without CSeq it answers the only one."""
        alone = len(self._outstanding) == 1 and not response.headers.all("cseq")
        return next((number for number, method in self._outstanding.items() if alone or fits(method, response)), 0)

    def settle(self, number: int, response: Response) -> Answered:
        """Take a response as the one to a request."""
        return self._settled(number, numbers_of(response), response)

    def _settled(self, number: int, numbers: tuple[int, ...], response: Response) -> Answered:
        self._outstanding.pop(number, None)
        self._taken.append(response)
        in_order = number not in numbers and bool(response.headers.all("cseq"))
        if in_order:
            self._in_step, self._offset = False, numbers[0] - number if numbers else None
        return Answered(number, in_order)

    def _by_number(self, numbers: tuple[int, ...], response: Response) -> int:
        """Return the outstanding request that the numbers of a response mean, also where a camera is some behind."""
        if self._offset is not None and numbers:
            shifted = numbers[0] - self._offset
            if fits(self._outstanding.get(shifted, ""), response) and shifted in self._outstanding:
                return shifted
        return next((each for each in numbers if each in self._outstanding), 0)


def _repeats(response: Response, taken: Response) -> bool:
    """Return whether a response is one that was taken, once more. Of two 401, the nonces may differ."""
    if response.status != taken.status or response.headers.all("cseq") != taken.headers.all("cseq"):
        return False
    return response.status == 401 or (response.body == taken.body and _undated(response) == _undated(taken))


def _undated(response: Response) -> list[tuple[str, str]]:
    return [pair for pair in response.headers.pairs if pair[0] != "date"]
