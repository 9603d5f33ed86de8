"""Long texts to send in every place, and a check that a message repeats little of them."""

from __future__ import annotations

LONGEST_ECHO = 80
LONG = "".join(f"{number:x}." for number in range(2200))[:10_000]  # no run of it comes twice
LONG_TEXTS = {
    "plain": LONG,
    "spaces": LONG.replace(".", " "),
    "quotes": LONG.replace(".", "'\""),
    "control characters": LONG.replace(".", "\x1b\n"),
    "emoji": "\U0001f600" * 10_000,
    "digits": LONG.translate(str.maketrans("abcdef.", "1234567")),
    "an address": f"http://host/{LONG}",
    "a host": f"http://{LONG}/",
    "another scheme": f"ftp://{LONG}",
    "a long scheme": f"{LONG.replace('.', 'x')}://host",
    "a data URL": f"data:image/png;{LONG},{LONG}",
    "a file URL": f"file:///{LONG}",
    "a path": f"/{LONG.replace('.', '/')}/a.png",
    "a file name": f"{LONG}.png",
    "a place": f"2={LONG}",
    "a placed name": f"2={LONG}=1",
    "a placed value": f"2=fit={LONG}",
}


def echoes(message: str, sent: str) -> bool:
    """Return whether a message repeats more than 80 characters of what was sent, or is very long."""
    if len(message) > 3000:
        return True
    half = LONGEST_ECHO // 2  # a longer run holds one of these blocks whole, and they are soon looked for
    if not any(message[at : at + half] in sent for at in range(0, len(message) - half + 1, half)):
        return False
    starts = range(len(message) - LONGEST_ECHO)
    return any(message[at : at + LONGEST_ECHO + 1] in sent for at in starts)
