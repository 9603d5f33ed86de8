"""Reads the bit fields that video headers are made of."""

from __future__ import annotations

_MAX_PREFIX = 32  # zero bits before an Exp-Golomb code: more cannot stand for a 32-bit value


class BitReader:
    """A position in a header, the highest bit of each byte first.

    Raises:
        ValueError: from every method, where the header ends too early or a code is too long.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def bits(self, count: int) -> int:
        """The next `count` bits, unsigned: `f(n)` of AV1, `u(n)` of HEVC."""
        if count > self._left:
            raise ValueError("a video header ends too early")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def flag(self) -> bool:
        """One bit."""
        return self.bits(1) == 1

    def exp_golomb(self) -> int:
        """`ue(v)` of HEVC (ITU-T H.265, 9.2)."""
        return (1 << (zeros := self._prefix())) - 1 + self.bits(zeros)

    def uvlc(self) -> int:
        """`uvlc()` of AV1 (AV1 specification, 4.10.3), the same code."""
        return self.exp_golomb()

    def _prefix(self) -> int:
        for zeros in range(_MAX_PREFIX):
            if self.flag():
                return zeros
        raise ValueError("a code in a video header is too long")
