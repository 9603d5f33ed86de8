"""GIF's lists of data blocks: walked within bounds, and closed where the file ends inside one."""

from __future__ import annotations

from .file_faults import MissingPixels

MAX_SUB_BLOCKS = 200_000
_LEAST_BYTES = 128  # of a block on average, beyond those: GIF writers fill all but the last with 255


class SubBlocks:
    """Skips GIF's length-prefixed data blocks, at most so many in one file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_SUB_BLOCKS + len(data) // _LEAST_BYTES
        self._block = 0  # where the last one starts

    def skip(self, position: int) -> int:
        """The position after the block list that starts at `position`."""
        data = self._data
        while length := data[position]:
            self._block = position
            position += length + 1
            self._left -= 1
            if self._left < 0:
                raise ValueError("the GIF has too many blocks")
        return position + 1

    def closed(self, start: int, first: int) -> tuple[bytes | memoryview, bool]:
        """The bytes from `start` to the end of the block list at `first`, and whether its end was missing."""
        self._block = 0
        try:
            return memoryview(self._data)[start : self.skip(first)], False
        except IndexError:
            if not self._block:
                raise MissingPixels("all its pixels are missing") from None
            last = self._data[self._block + 1 :]
            return self._data[start : self._block] + bytes([len(last)]) + last + b"\x00", True
