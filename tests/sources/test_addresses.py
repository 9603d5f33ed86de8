"""The judgement of addresses, row by row; nothing here opens a socket."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from multiedit.pipelines.sources.addresses import may_fetch

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:200::1",
    "2a00:1450:4001:81b::2004",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]
PRIVATE = [
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    "::1",
    "fc00::1",
    "fdff:ffff::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::192.168.1.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "100::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fd00:42::42",
    "fd00:c1::a9fe:a9fe",
    "fd00:ec2::23",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2606:4700:4700::1111%1",
    "::ffff:169.254.169.254",
    "::ffff:0:8.8.8.8",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:a00:0:100::",
    "2002:a9fe:a9fe::1",
    # Teredo: server 65.54.227.120 and client 192.0.2.45 (RFC 4380's example), then a link-local server.
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:0:a9fe:a9fe:8000:63bf:f7f7:f7f7",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_fetched_from(text: str) -> None:
    assert may_fetch(ip_address(text))


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_need_the_operators_allowance(text: str) -> None:
    assert not may_fetch(ip_address(text))
    assert may_fetch(ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", NEVER)
def test_special_addresses_are_never_fetched_from(text: str) -> None:
    assert not may_fetch(ip_address(text))
    assert not may_fetch(ip_address(text), allow_private=True)


def test_teredo_is_judged_by_server_and_client() -> None:
    client = int(ip_address("8.8.8.8")) ^ 0xFFFFFFFF
    server = int(ip_address("9.9.9.9"))
    teredo = (0x20010000 << 96) | (server << 64) | client
    assert may_fetch(ip_address(teredo))
    inner = int(ip_address("127.0.0.1")) ^ 0xFFFFFFFF
    assert not may_fetch(ip_address((0x20010000 << 96) | (server << 64) | inner))
