"""URLs that are refused before any name is resolved, and those that are not."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiedit.pipelines.common.errors import FetchFailed, FetchRefused
from multiedit.pipelines.sources.urls import MAX_URL_CHARACTERS, Target, first_target, next_target
from yarl import URL


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("http://pictures.example/a.png", "pictures.example", 80),
        (" HTTPS://Pictures.EXAMPLE/a.png?key=1#x\n", "pictures.example", 443),
        ("http://pictures.example:8080", "pictures.example", 8080),
        ("https://pictures.example:1024/", "pictures.example", 1024),
        ("https://pictures.example:65535/", "pictures.example", 65535),
        ("http://pictures.example./", "pictures.example.", 80),
        ("http://b\u00fccher.example/", "xn--bcher-kva.example", 80),
        ("http://my_host-1/", "my_host-1", 80),
        ("http://3com.example/", "3com.example", 80),
        ("http://0x7f.example/", "0x7f.example", 80),
    ],
)
def test_a_name_is_a_target(text: str, host: str, port: int) -> None:
    target = first_target(text, "image 1")
    assert (target.host, target.port, target.literal) == (host, port, None)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("127.0.0.1", "127.0.0.1"),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("[2606:4700:4700:0:0:0:0:1111]", "2606:4700:4700::1111"),
    ],
)
def test_a_plain_address_is_a_literal_to_be_judged(host: str, address: str) -> None:
    assert first_target(f"http://{host}/", "image 1").literal == ip_address(address)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0X7F.0.0.1",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.0.0.256",
        "1.2.3.4.5",
        "127.0.0.0x1",
        "host.0x",
        "host.1",
        "1",
        "0",
    ],
)
def test_an_address_in_disguise_is_refused(host: str) -> None:
    with pytest.raises(FetchRefused, match="not a plain IP address"):
        first_target(f"http://{host}/", "image 1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp://host/a.png", "not http or https"),
        ("file:///etc/passwd", "not http or https"),
        ("//host/a.png", "not http or https"),
        ("http://me:secret@host/", "user name or password"),
        ("http://me@host/", "user name or password"),
        ("http://:secret@host/", "user name or password"),
        ("http://host\\@127.0.0.1/", "not valid|user name or password"),
        ("http://host:22/", "port 22"),
        ("http://host:0/", "port 0"),
        ("http://host:1023/", "port 1023"),
        ("http://host:444/", "port 444"),
        ("http://host:65536/", "not valid"),
        ("http://host:x/", "not valid"),
        ("http://[::1/", "not valid"),
        ("http://[::g]/", "not valid|not a plain IP address"),
        ("http:", "no valid host"),
        ("http:host/a.png", "no valid host"),
        ("https:///a.png", "no valid host"),
        ("http://a b/", "no valid host|not valid"),
        ("http://a%2eb/", "no valid host|not valid"),
        ("http://127.0.0.1%20/", "no valid host|not valid"),
        ("http://a\x00b/", "no valid host|not valid"),
        ("http://" + "a" * 254 + "/", "no valid host|not valid"),
        ("http://host/" + "a" * MAX_URL_CHARACTERS, f"limit is {MAX_URL_CHARACTERS}"),
    ],
)
def test_what_is_no_fetchable_url_is_refused(text: str, says: str) -> None:
    with pytest.raises(FetchRefused, match=says) as caught:
        first_target(text, "image 2")
    assert caught.value.message.startswith("image 2: the URL ")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("location", "to"),
    [
        ("/b.png", "https://host/b.png"),
        ("b.png?q=1", "https://host/a/b.png?q=1"),
        ("//other/b.png", "https://other/b.png"),
        ("https://other/b.png", "https://other/b.png"),
    ],
)
def test_a_redirect_is_relative_to_where_it_came_from(location: str, to: str) -> None:
    assert next_target(URL("https://host/a/a.png"), location, "image 1").url == URL(to)


@pytest.mark.parametrize(
    ("location", "error", "says"),
    [
        (None, FetchFailed, "without saying where"),
        ("", FetchFailed, "without saying where"),
        ("http://host/b.png", FetchRefused, "is http, after https"),
        ("ftp://host/b.png", FetchRefused, "not http or https"),
        ("data:image/png;base64,AAAA", FetchRefused, "not http or https"),
        ("https://me:secret@host/", FetchRefused, "user name"),
        ("https://2130706433/", FetchRefused, "not a plain IP address"),
        ("https://[::1/", FetchRefused, "not valid"),
        ("/" + "a" * MAX_URL_CHARACTERS, FetchRefused, "limit is"),
    ],
)
def test_a_redirect_is_judged_like_the_first_url(
    location: str | None, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        next_target(URL("https://host/a/a.png"), location, "image 1 (host)")


URL_LIKE = st.text(alphabet="htps:/@[]%.?#\\0129axf \t\n\u3002\uff0e\u00e9", max_size=60) | st.text(
    max_size=60
)


def test_a_redirect_whose_host_breaks_only_when_it_is_joined_is_refused() -> None:
    with pytest.raises(FetchRefused, match="not valid"):
        next_target(URL("http://host/a"), "http://[:.]", "image 1")


@given(st.sampled_from(["", "http://", "https://", "http://[", "//", "http://a:"]), URL_LIKE)
def test_any_text_gives_a_target_or_an_error_of_the_tree(head: str, rest: str) -> None:
    targets: list[Target] = []
    for judge in (first_target, lambda text, name: next_target(URL("http://host/a"), text, name)):
        with suppress(FetchRefused, FetchFailed):
            targets.append(judge(head + rest, "image 1"))
    for target in targets:
        assert target.url.scheme in ("http", "https")
        assert target.host == target.url.raw_host
        assert "@" not in target.url.raw_authority
        assert target.literal or not target.host.replace(".", "").isdigit()
