from __future__ import annotations

import pytest
from multiedit.pipelines.common.loopback import is_loopback


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("127.9.9.9", True), ("::1", True), ("LocalHost.", True), ("0.0.0.0", False),
        ("localhost.example.com", False), ("192.168.0.1", False), ("", False), ("::", False),
    ],
)  # fmt: skip
def test_what_is_this_machine(host: str, local: bool) -> None:
    assert is_loopback(host) is local
