"""URLs that are refused before any name is resolved, and those that are not."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
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
        ("http://a..b/", "no valid host|not valid"),
        ("http://.a/", "no valid host|not valid"),
        ("http://a../", "no valid host|not valid"),
        ("http://./", "no valid host|not valid"),
        (f"http://{'a' * 64}.b/", "no valid host|not valid"),
        ("http:host/a.png", "no valid host"),
        ("https:///a.png", "no valid host"),
        ("http://a b/", "no valid host|not valid"),
        ("http://a%2eb/", "no valid host|not valid"),
        ("http://127.0.0.1%20/", "no valid host|not valid"),
        ("http://a\x00b/", "no valid host|not valid"),
        ("http://a\tb/", "not valid"),
        ("http://a/\r\nHost: b", "not valid"),
        ("http://a/\ud800", "not valid"),
        ("http://@host/", "user name or password"),
        ("http://:@host/", "user name or password"),
        ("http://host:8_0/", "not valid"),
        ("http://host:+80/", "not valid"),
        ("http://host:80:8080/", "not valid"),
        ("http://host:\uff18\uff10/", "not valid"),
        ("http://[v1.host]/", "not valid"),
        ("http://[host]/", "not valid"),
        ("http://[::1]host/", "not valid"),
        ("http://[fe80::1%25eth0]/", "not valid"),
        ("http://host\\.example/", "no valid host|not valid"),
        ("http:\\\\host/", "no valid host"),
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
        ("?", "https://host/a/a%2F.png?"),
        ("?q=1", "https://host/a/a%2F.png?q=1"),
        ("#x", "https://host/a/a%2F.png?k=%7E"),
        ("./%2E/b%2Fc", "https://host/a/%2E/b%2Fc"),
        ("../b//c/./d/..", "https://host/b//c/"),
        ("../../../b", "https://host/b"),
        ("b?../c", "https://host/a/b?../c"),
        ("/../b/./c", "https://host/../b/./c"),
    ],
)
def test_a_redirect_is_relative_to_where_it_came_from(location: str, to: str) -> None:
    origin = URL("https://host/a/a%2F.png?k=%7E", encoded=True)
    target = next_target(origin, location, "image 1")
    assert f"{target.url.origin()}{target.url.raw_path_qs}" == to


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
        assert re.fullmatch("[!-~]+", target.url.raw_path_qs)


@given(
    st.sampled_from(["http", "HTTPS", "http:http"]),
    st.text(alphabet="aZ1.-:@[]\\%/?#_ \u00e9\u3002\uff0e\uff10", max_size=20),
    st.sampled_from(["", ":8080", ":", ":443", ":0x50"]),
    st.text(alphabet="a/?#@:\\%[]", max_size=10),
)
@example("http", "a#@b", "", "")
@example("http", "a?@b", ":8080", "/")
@example("http", "a\\@b", "", "/")
@example("http", "a:8080#:80", "", "/")
def test_no_parser_reads_another_host_or_port(scheme: str, host: str, port: str, rest: str) -> None:
    """What is judged, what aiohttp connects to, and what the standard library reads are the same."""
    text = f"{scheme}://{host}{port}{rest}"
    try:
        target = first_target(text, "image 1")
    except FetchRefused:
        return
    assert (target.host, target.port) == (target.url.raw_host, target.url.port)
    again = urlsplit(text.strip())
    assert (again.port or {"http": 80, "https": 443}[again.scheme]) == target.port
    assert URL(f"http://{again.hostname}/").raw_host == target.host
    assert URL(str(target.url), encoded=True).raw_host == target.host


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("", "/"),
        ("?", "/?"),
        ("?a", "/?a"),
        ("/a%2Fb%2fc", "/a%2Fb%2fc"),
        ("/%7Euser/%41%2e%2E/x", "/%7Euser/%41%2e%2E/x"),
        ("/a+b?c+d", "/a+b?c+d"),
        ("/a%20b?c%20d%2B", "/a%20b?c%20d%2B"),
        ("/a?", "/a?"),
        ("/a??b?", "/a??b?"),
        ("/a;v=1?x;y", "/a;v=1?x;y"),
        ("/../a/./b//c", "/../a/./b//c"),
        ("//a", "//a"),
        ("/a?X-Amz-Credential=AK%2F20260820%2Fs3&X-Amz-Signature=aB%3D%3d", None),
        ("/a?sig=a%2Bb%2Fc%3D&se=2026-08-20T00%3A00%3A00Z&x=y=z&&", None),
        ("/a?q=[1]{2}|\\^`'\"<>", None),
        ("/%", "/%"),
        ("/%zz?%4", "/%zz?%4"),
        ("/a#b?c", "/a"),
        ("/a?b#c", "/a?b"),
        ("/a b", "/a%20b"),
        ("/\u00e9?\u65e5", "/%C3%A9?%E6%97%A5"),
        ("/\u00e9%C3%A9", "/%C3%A9%C3%A9"),
    ],
)
def test_path_and_query_are_asked_as_given(given: str, asked: str | None) -> None:
    expected = given if asked is None else asked
    assert first_target(f"http://host:8080{given}", "image 1").url.raw_path_qs == expected
    for location in (f"https://other{given}", given if given.startswith("/") and given != "//a" else None):
        if location:
            assert next_target(URL("http://host/"), location, "image 1").url.raw_path_qs == expected


@given(st.text(alphabet=[chr(code) for code in range(0x21, 0x7F) if chr(code) != "#"], max_size=60))
def test_visible_ascii_is_never_changed(rest: str) -> None:
    assert first_target(f"http://host/{rest}", "image 1").url.raw_path_qs == f"/{rest}"
