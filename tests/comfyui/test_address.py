"""Addresses of ComfyUI as people write them."""

from __future__ import annotations

import base64

import pytest
from multiedit.pipelines.adapters.comfyui.client.address import read_address
from multiedit.pipelines.common.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "shown", "below"),
    [
        ("http://host:8188", "http://host:8188", "http://host:8188/models/my%20files"),
        (" HTTP://Host:8188// ", "http://host:8188", "http://host:8188/models/my%20files"),
        ("https://host", "https://host", "https://host/models/my%20files"),
        ("https://host/comfy/ui/", "https://host/comfy/ui", "https://host/comfy/ui/models/my%20files"),
        ("http://host/a%2Fb", "http://host/a%2Fb", "http://host/a%2Fb/models/my%20files"),
        ("http://[::1]:8188/", "http://[::1]:8188", "http://[::1]:8188/models/my%20files"),
    ],
)
def test_an_address_is_read(text: str, shown: str, below: str) -> None:
    address = read_address(text)
    assert str(address) == shown
    assert str(address.at("models", "my files")) == below
    assert address.headers == {}


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("http://ann:s3cret@host:1", "ann:s3cret"),
        ("http://ann@host:1", "ann:"),
        ("http://a%40b:p%3Aq@host:1", "a@b:p:q"),
        ("http://ann:%C3%A9@host:1", "ann:\u00e9"),
    ],
)
def test_a_login_is_kept_apart(text: str, login: str) -> None:
    address = read_address(text)
    assert base64.b64decode(address.headers["Authorization"].removeprefix("Basic ")).decode() == login
    assert str(address) == "http://host:1"
    assert login not in repr(address)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "does not begin with http://"),
        ("host:8188", "does not begin with http://"),
        ("ftp://ann:s3cret@host", "does not begin with http://"),
        ("http://", "names no host"),
        ("http://ann:s3cret@", "is not valid"),
        ("http://ann:s3cret@host:99999", "is not valid"),
        ("http://ann:s3cret@host:x", "is not valid"),
        ("http://an%3An:s3cret@host", "has a name with a colon"),
        ("http://host:0", "no valid port"),
        ("http://ann:s3cret@host/?a=b", "has a query"),
        ("http://host/#a", "has a query or a fragment"),
        ("http://" + "h" * 3000, "has 3007 characters"),
    ],
)
def test_anything_else_is_refused_without_being_repeated(text: str, problem: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_address(text)
    assert problem in caught.value.message
    assert "s3cret" not in caught.value.message
    assert "http://127.0.0.1:8188" in caught.value.message
