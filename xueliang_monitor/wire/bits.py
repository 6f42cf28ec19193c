"""A reader for the bits and Exp-Golomb codes of parameter sets (H.264, 7.2 and 9.1)."""

from __future__ import annotations

from xueliang_monitor.wire.errors import MalformedMediaError


def unescape(unit: bytes) -> bytes:
    """Remove emulation prevention bytes (H.264, 7.4.1)."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")


class BitReader:
    """Reads bits, the most significant first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def bits(self, count: int) -> int:
        """Read `count` bits as an unsigned number.

        Raises:
            MalformedMediaError: fewer bits are left.

        """
        if count > self._left:
            raise MalformedMediaError("a truncated parameter set")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Skip `count` bits."""
        self.bits(count)

    def unsigned(self) -> int:
        """Read an unsigned Exp-Golomb code, ue(v)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise MalformedMediaError("a number of more than 32 bits in a parameter set")
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        """Read a signed Exp-Golomb code, se(v)."""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)
