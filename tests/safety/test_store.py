"""The weights store against a real server on 127.0.0.1 and real files."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from multiedit.pipelines.common.errors import ClassifierMissing, FetchFailed, OutputError, WeightsMismatch
from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS, EMBEDDED
from multiedit.pipelines.safety.classifiers.store import Store
from multiedit.pipelines.sources.download import download as fetch
from multiedit.tests.support.classifiers import embedded_file

WEIGHTS = bytes(range(256)) * 9000  # more than two reads
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
SMALL = replace(CLASSIFIERS["light"], size=len(WEIGHTS), sha256=SHA256)


class Handler(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/right?sig=%2F%7E+%20")
            self.end_headers()
            return
        status, length, body = {
            "/right": (200, len(WEIGHTS), WEIGHTS),
            "/unsaid": (200, None, WEIGHTS),
            "/cut": (200, len(WEIGHTS), WEIGHTS[:100_000]),
            "/cut-unsaid": (200, None, WEIGHTS[:100_000]),
            "/longer": (200, len(WEIGHTS) + 1, WEIGHTS + b"x"),
            "/endless": (200, None, WEIGHTS * 20),
            "/changed": (200, len(WEIGHTS), WEIGHTS[:-1] + b"x"),
            "/gated": (401, 3, b"no\n"),
        }[self.path.partition("?")[0]]
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who has enough hangs up
            self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def store(tmp_path):
    return Store((tmp_path / "classifiers", tmp_path / "more"))


def download(store, url, progress=lambda count: None):
    return asyncio.run(store.download(SMALL, url, fetch, progress))


@pytest.mark.parametrize("path", ["/right", "/unsaid"])
def test_what_is_right_is_kept_under_its_name(server, store, path):
    counts = []
    kept = download(store, server + path, counts.append)
    assert kept == store.folders[0] / SMALL.file == store.path(SMALL)
    assert kept.read_bytes() == WEIGHTS
    assert sum(counts) == len(WEIGHTS)
    assert [file.name for file in kept.parent.iterdir()] == [kept.name]
    assert (store.state(SMALL), store.verify(SMALL)) == ("present", SHA256)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/cut", FetchFailed),
        ("/cut-unsaid", FetchFailed),
        ("/longer", WeightsMismatch),
        ("/endless", WeightsMismatch),
        ("/changed", WeightsMismatch),
        ("/gated", FetchFailed),
    ],
)
def test_nothing_else_is_kept_and_what_was_there_stays(server, store, path, error):
    old = store.folders[0] / SMALL.file
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    with pytest.raises(error):
        download(store, server + path)
    assert [file.name for file in old.parent.iterdir()] == [old.name]
    assert old.read_bytes() == b"old"


def test_no_more_is_read_than_a_byte_too_many(server, store):
    counts = []
    with pytest.raises(WeightsMismatch):
        download(store, f"{server}/endless", counts.append)
    assert sum(counts) == len(WEIGHTS) + 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1/", "http://127.0.0.1:1/ could not be downloaded: the server cannot be reached"),
        ("http://[::1/", "it is not a valid URL"),
        ("http:///x", "could not be downloaded: the address is not valid|it is not a valid URL"),
    ],
)
def test_an_unreachable_server_is_reported_with_the_alternative(store, url, says):
    with pytest.raises(FetchFailed, match=f"({says})\\..* by other means"):
        download(store, url)


def test_a_refusal_is_reported_with_its_status(server, store):
    with pytest.raises(FetchFailed, match="/gated: the server responded with 401, not 200"):
        download(store, f"{server}/gated")


def test_a_signed_url_and_the_redirect_to_it_are_asked_as_given(server, store):
    download(store, f"{server}/moved%2F?sig=a%2Fb%7E+")
    assert Handler.asked[-2:] == ["/moved%2F?sig=a%2Fb%7E+", "/right?sig=%2F%7E+%20"]


def test_a_folder_that_cannot_be_written_to_is_no_fault_of_the_server(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        download(Store((tmp_path / "file",)), f"{server}/right")


def test_every_folder_is_looked_through_and_the_first_one_counts(store):
    for folder, content in zip(reversed(store.folders), (b"second", b"first"), strict=True):
        path = folder / SMALL.file
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        assert store.path(SMALL) == path
    assert store.state(SMALL) == "wrong size"
    with pytest.raises(WeightsMismatch, match="MULTIEDIT_SAFETY_ALLOWED"):
        store.verify(SMALL)


def test_a_file_on_the_users_own_list_is_trusted(tmp_path):
    path = tmp_path / SMALL.file
    path.parent.mkdir()
    path.write_bytes(b"own")
    own = hashlib.sha256(b"own").hexdigest()
    assert Store((tmp_path,), (own,)).verify(SMALL) == own


def test_removing_deletes_the_file_and_says_whether_it_was_there(server, store):
    download(store, f"{server}/right")
    assert store.remove(SMALL) == store.folders[0] / SMALL.file
    assert (store.remove(SMALL), store.state(SMALL)) == (None, "absent")
    with pytest.raises(ClassifierMissing):
        store.verify(SMALL)


@pytest.mark.parametrize("name", EMBEDDED)
def test_what_is_part_of_the_package_is_there_and_stays(store, name):
    embedded = CLASSIFIERS[name]
    assert (store.path(embedded), store.state(embedded)) == (embedded_file(name), "present")
    assert store.verify(embedded) == embedded.sha256
    with pytest.raises(OutputError, match="part of multi-edit"):
        store.remove(embedded)
    assert embedded_file(name).exists()


def test_urls_are_pinned_and_licences_are_free():
    for spec in CLASSIFIERS.values():
        assert spec.licence in ("BSD-2-Clause", "Apache-2.0", "MIT")
        if spec.url is not None:
            assert spec.url.startswith("https://")
            assert len(spec.url.split("/resolve/")[1].split("/")[0]) == 40  # a commit, no branch
