"""Tell this machine from others by a host name or an address."""

from __future__ import annotations

from ipaddress import ip_address

_LOCAL_NAME = "localhost"


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine only."""
    if host.rstrip(".").lower() == _LOCAL_NAME:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
