"""The IP addresses that may be fetched from.

`ipaddress.is_global` is not asked: its tables changed within Python 3.10 to 3.13 (gh-113171 rewrote them),
and it calls cloud metadata behind public-looking addresses and multicast global. The tables follow the IANA
IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890) and the IPv6 Global Unicast registry.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple, TypeAlias

IPAddress: TypeAlias = IPv4Address | IPv6Address
IPNetwork: TypeAlias = IPv4Network | IPv6Network


class _Embedding(NamedTuple):
    """IPv6 addresses that carry an IPv4 address `shift` bits from their right end, inverted or not."""

    network: IPv6Network
    shift: int
    inverted: bool = False


def _networks(*texts: str) -> tuple[IPNetwork, ...]:
    return tuple(map(ip_network, texts))


# Never fetched from, whatever the host is called.
_NEVER = _networks(
    "0.0.0.0/8",  # this network and the unspecified address, RFC 791, RFC 1122
    "100.100.100.200/32",  # Alibaba Cloud's metadata service, inside 100.64.0.0/10
    "168.63.129.16/32",  # Azure's virtual host address, public by its looks
    "169.254.0.0/16",  # link-local, RFC 3927; most clouds' metadata at 169.254.169.254
    "192.0.0.0/24",  # IETF protocol assignments, RFC 6890; Oracle Cloud's metadata at 192.0.0.192
    "192.0.2.0/24",  # documentation, RFC 5737
    "192.88.99.0/24",  # 6to4 relays, deprecated by RFC 7526
    "198.18.0.0/15",  # benchmarking, RFC 2544
    "198.51.100.0/24",  # documentation, RFC 5737
    "203.0.113.0/24",  # documentation, RFC 5737
    "224.0.0.0/4",  # multicast, RFC 5771
    "240.0.0.0/4",  # reserved, RFC 1112, and the broadcast address, RFC 919
    "fd00:42::42/128",  # Scaleway's metadata service
    "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud's metadata service
    "fd00:ec2::/32",  # AWS: metadata at fd00:ec2::254, credentials at fd00:ec2::23
    "fd20:ce::254/128",  # Google Cloud's metadata service
    "2001::/23",  # IETF protocol assignments, RFC 2928: ORCHID, benchmarking, anycast services
    "2001:db8::/32",  # documentation, RFC 3849
    "3fff::/20",  # documentation, RFC 9637
)
# Fetched from only where the operator has named the host in `fetch_allowed_hosts`.
_PRIVATE = _networks(
    "10.0.0.0/8",  # private use, RFC 1918
    "100.64.0.0/10",  # carrier-grade NAT, RFC 6598, which overlay networks use too
    "127.0.0.0/8",  # loopback, RFC 1122
    "172.16.0.0/12",  # private use, RFC 1918
    "192.168.0.0/16",  # private use, RFC 1918
    "::1/128",  # loopback, RFC 4291
    "fc00::/7",  # unique local, RFC 4193
)
# As good as the IPv4 address inside, because something on the way may send the packet there.
_EMBEDDINGS = (
    _Embedding(IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped, RFC 4291
    _Embedding(IPv6Network("::/96"), 0),  # IPv4-compatible, RFC 4291
    _Embedding(IPv6Network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    _Embedding(IPv6Network("2002::/16"), 80),  # 6to4, RFC 3056
    _Embedding(IPv6Network("2001::/32"), 64),  # Teredo's server, RFC 4380
    _Embedding(IPv6Network("2001::/32"), 0, inverted=True),  # Teredo's client
)
# All other IPv6 space is unassigned or special: link-local fe80::/10, site-local fec0::/10 (RFC 3879),
# multicast ff00::/8, discard 100::/64 (RFC 6666), IPv4-translated ::ffff:0:0:0/96 (RFC 2765), SRv6 SIDs
# 5f00::/16 (RFC 9602), and NAT64's local prefix 64:ff9b:1::/48 (RFC 8215), where the operator chooses at
# which of four places the IPv4 address stands, so that it cannot be judged by it.
_GLOBAL_UNICAST = IPv6Network("2000::/3")


def may_fetch(address: IPAddress, *, allow_private: bool = False) -> bool:
    """Return whether a connection to the address is allowed.

    Args:
        allow_private: the operator has allowed the host; opens private and loopback addresses, but
            neither metadata services nor any other special range.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if inner := list(_embedded(address)):
            return all(may_fetch(each, allow_private=allow_private) for each in inner)
    if _within(address, _NEVER):
        return False
    if _within(address, _PRIVATE):
        return allow_private
    return isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST


def _within(address: IPAddress, networks: tuple[IPNetwork, ...]) -> bool:
    return any(address in network for network in networks)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    if int(address) == 1:  # ::1 lies within ::/96 and is no IPv4 address
        return
    for network, shift, inverted in _EMBEDDINGS:
        if address in network:
            yield IPv4Address((int(address) >> shift & 0xFFFFFFFF) ^ (0xFFFFFFFF if inverted else 0))
