"""Large blocks go back to the system as they are freed, whatever was freed before."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# glibc's mallinfo has ten ints; the fourth is the number of blocks that are the system's.
_SCRIPT = """
import ctypes, sys
from multiedit.api.flat_memory import return_large_blocks

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

class Info(ctypes.Structure):
    _fields_ = [(f"field_{number}", ctypes.c_int) for number in range(10)]

libc.mallinfo.restype = Info
if sys.argv[1] == "bounded":
    return_large_blocks()
libc.free(libc.malloc(16 << 20))
before = libc.mallinfo().field_3
libc.malloc(4 << 20)
print(libc.mallinfo().field_3 - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone raises its bound")
@pytest.mark.parametrize(("how", "blocks"), [("bounded", 1), ("as it is", 0)])
def test_a_large_block_is_the_system_s(how: str, blocks: int) -> None:
    command = [sys.executable, "-c", _SCRIPT, how]
    assert int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) == blocks
