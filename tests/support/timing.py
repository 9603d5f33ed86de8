"""Bounds in seconds of tests about waiting, far from both ends: neither a busy machine nor a fault is near.

Speed is measured in bench/, as ratios side by side.
"""

BUSY_SECONDS = 3.0
"""Of the processor. What a test bounds by it takes under 0.2; an unguarded reader, many times that."""

HELD_UP_SECONDS = 10.0
"""Of the clock. What a test bounds by it takes under 1; a wait for what stalls, 20 or more."""
