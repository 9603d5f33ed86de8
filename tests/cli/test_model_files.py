"""`multiedit models download` and `check`, against a hub on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import http.server
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from multiedit.pipelines.common.errors import OutputError
from multiedit.pipelines.sources.resumable import download_file
from multiedit.tests.support.fake_weights import write_weights
from multiedit.tests.support.shell import Shell

MODEL = "flux-2-klein-4b-edit"
CONTENT = b"weights " * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DIT = "diffusion_models/flux-2-klein-4b-fp8.safetensors"


class Hub:
    """What huggingface.co does: a redirect with the published checksum, and files that take ranges.

    Attributes:
        asked: path, Range and Authorization of each request, in order.
        sha256: published; None for none.
        cut: bytes after which the connection closes once.
        status: of every response, in place of the right one.
        content: of every file.
        etag: of every file; None for none.
        shift: bytes by which a range begins too early.
        while_delivering: is called once before the bytes.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.sha256: str | None = SHA256
        self.cut: int | None = None
        self.status: int | None = None
        self.content = CONTENT
        self.etag: str | None = None
        self.shift = 0
        self.while_delivering: Callable[[], object] | None = None

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.asked.append((request.path, request.headers.get("Range"), request.headers.get("Authorization")))
        if self.status:
            request.send_error(self.status)
        elif request.path.startswith("/cdn/"):
            self._deliver(request)
        else:
            request.send_response(302)
            if self.sha256:
                request.send_header("X-Linked-Etag", f'"{self.sha256}"')
            request.send_header("X-Linked-Size", str(len(self.content)))
            request.send_header("Location", "/cdn" + request.path)
            request.send_header("Content-Length", "0")
            request.end_headers()

    def _deliver(self, request: http.server.BaseHTTPRequestHandler) -> None:
        changed = request.headers.get("If-Range", self.etag) != self.etag
        ranged = None if changed else request.headers.get("Range")
        start, size = int((ranged or "bytes=0-")[6:-1]), len(self.content)
        if start >= size:
            request.send_error(416)
            return
        start = max(0, start - self.shift)
        request.send_response(206 if ranged else 200)
        if ranged:
            request.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if self.etag:
            request.send_header("ETag", self.etag)
        request.send_header("Content-Length", str(size - start))
        request.end_headers()
        end, self.cut = self.cut, None
        meanwhile, self.while_delivering = self.while_delivering, None
        if meanwhile:
            meanwhile()
        request.wfile.write(self.content[start:end])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.answer(self)

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield hub
    server.shutdown()
    server.server_close()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A `models` folder with the text encoder and the VAE of klein 4B."""
    folder = tmp_path / "models"
    write_weights(folder / "text_encoders" / "qwen_3_4b.safetensors", "qwen 3 4B")
    write_weights(folder / "vae" / "flux2-vae.safetensors", "flux 2 vae")
    return folder


def test_a_dry_run_says_what_would_come_and_asks_nobody(shell: Shell, hub: Hub, models: Path) -> None:
    ran = shell(f"models download {MODEL} --models {models} --memory 8 --dry-run")
    assert ran.code == 0
    assert hub.asked == []
    for text in (
        "Apache-2.0",
        "flux-2-klein-4b-fp8.safetensors",
        " GB from http://127.0.0.1",
        "is there: qwen_3_4b",
    ):
        assert text in ran.err
    assert "1 of 3 files to download" in ran.err
    assert b"Nothing was downloaded." in ran.out
    assert not (models / DIT).exists()


@pytest.mark.parametrize(("memory", "name"), [(8, "flux-2-klein-4b-fp8"), (24, "flux-2-klein-4b")])
def test_the_file_that_fits_the_memory_is_downloaded_and_compared(
    shell: Shell, hub: Hub, models: Path, memory: int, name: str
) -> None:
    ran = shell(f"models download {MODEL} --models {models} --memory {memory} --json")
    (made,) = ran.json["downloaded"]
    path = models / "diffusion_models" / f"{name}.safetensors"
    assert path.read_bytes() == CONTENT
    assert made == {"file": str(path), "bytes": len(CONTENT), "sha256": SHA256, "published": True}
    assert [entry["there"] for entry in ran.json["files"]][1:] == [
        "qwen_3_4b.safetensors",
        "flux2-vae.safetensors",
    ]
    assert not list(models.rglob("*.part"))


def test_a_download_goes_on_where_it_broke_off(shell: Shell, hub: Hub, models: Path) -> None:
    hub.cut = 10_000
    broken = shell(f"models download {MODEL} --models {models} --memory 8")
    assert (broken.code, "Run the same command again" in broken.err) == (4, True)
    assert (models / f"{DIT}.part").stat().st_size == 10_000
    assert not (models / DIT).exists()
    assert shell(f"models download {MODEL} --models {models} --memory 8").code == 0
    assert hub.asked[-1][1] == "bytes=10000-"
    assert (models / DIT).read_bytes() == CONTENT


def test_a_part_that_is_whole_is_taken(shell: Shell, hub: Hub, models: Path) -> None:
    part = models / f"{DIT}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert shell(f"models download {MODEL} --models {models} --memory 8").code == 0
    assert (models / DIT).read_bytes() == CONTENT


@pytest.mark.parametrize("etag", ['"one"', None, 'W/"one"'])
@pytest.mark.parametrize("same", [True, False])
def test_without_a_checksum_only_the_rest_of_the_same_file_is_appended(
    shell: Shell, hub: Hub, models: Path, etag: str | None, same: bool
) -> None:
    hub.sha256, hub.etag, hub.cut = None, etag, 10_000
    line = f"models download {MODEL} --models {models} --memory 8"
    assert shell(line).code == 4
    if not same:
        hub.content, hub.etag = b"another " * 4000, etag and etag.replace("one", "two")
    assert shell(line).code == 0
    assert (models / DIT).read_bytes() == hub.content
    delivered = [asked for asked in hub.asked if asked[0].startswith("/cdn/")]
    # In one request where the ETag tells, else the rest is passed over, and everything asked for.
    assert len(delivered) == (2 if etag == '"one"' else 3)
    assert [path.name for path in (models / DIT).parent.iterdir()] == [Path(DIT).name]


def test_a_new_version_of_a_published_file_begins_anew(shell: Shell, hub: Hub, models: Path) -> None:
    hub.cut = 10_000
    line = f"models download {MODEL} --models {models} --memory 8"
    assert shell(line).code == 4
    hub.content = b"another " * 4000
    hub.sha256 = hashlib.sha256(hub.content).hexdigest()
    assert shell(line).code == 0
    assert (models / DIT).read_bytes() == hub.content


def test_a_range_that_begins_elsewhere_is_not_appended(shell: Shell, hub: Hub, models: Path) -> None:
    hub.cut, hub.shift = 10_000, 8
    line = f"models download {MODEL} --models {models} --memory 8"
    assert shell(line).code == 4
    assert shell(line).code == 0
    assert (models / DIT).read_bytes() == CONTENT


def test_a_file_that_is_being_downloaded_is_left_alone(shell: Shell, hub: Hub, models: Path) -> None:
    other: list[str] = []

    def second() -> None:
        try:
            asyncio.run(download_file("http://127.0.0.1:9/x", models / DIT))
        except OutputError as error:
            other.append(error.message)

    hub.while_delivering = second
    assert shell(f"models download {MODEL} --models {models} --memory 8").code == 0
    assert "is being downloaded by another program. Wait until that has ended." in other[0]
    assert (models / DIT).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(shell: Shell, hub: Hub, models: Path) -> None:
    hub.sha256 = "0" * 64
    ran = shell(f"models download {MODEL} --models {models} --memory 8")
    assert (ran.code, f"{'0' * 64} is published. It was not kept." in ran.err) == (6, True)
    assert not list((models / "diffusion_models").iterdir())


def test_where_no_checksum_is_published_that_is_said(shell: Shell, hub: Hub, models: Path) -> None:
    hub.sha256 = None
    ran = shell(f"models download {MODEL} --models {models} --memory 8")
    assert (ran.code, "none is published; the size was compared" in ran.err) == (0, True)


@pytest.mark.parametrize(
    ("status", "words"), [(403, "Accept the licence at its page"), (404, "responded with 404")]
)
def test_a_refusal_says_what_to_do(shell: Shell, hub: Hub, models: Path, status: int, words: str) -> None:
    hub.status = status
    ran = shell(f"models download {MODEL} --models {models} --memory 8")
    assert (ran.code, words in ran.err) == (4, True)
    assert not (models / DIT).exists()


@pytest.mark.parametrize("netrc", ["", "machine 127.0.0.1 login me password secret"])
def test_the_token_goes_to_the_hub(
    shell: Shell, hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, netrc: str
) -> None:
    (tmp_path / "netrc").write_text(netrc)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HF_TOKEN", "a-token")
    ran = shell(f"models download {MODEL} --models {models} --memory 8")
    assert hub.asked[0][2] == "Bearer a-token"
    assert "a-token" not in ran.err
    assert ran.code == 0


def test_the_token_is_not_sent_where_others_can_read_it(
    shell: Shell, hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "a-token")
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example")
    ran = shell(f"models download {MODEL} --models {models} --dry-run")
    assert (ran.code, "could read HF_TOKEN. Name an https:// address" in ran.err) == (2, True), ran.err
    monkeypatch.delenv("HF_TOKEN")
    assert shell(f"models download {MODEL} --models {models} --dry-run").code == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("models download", "No model to download; name one"),
        ("models download no-such", "Model 'no-such' is unknown. Models with files: qwen-edit,"),
        ("models download qwen-edit-2511-merged-4", "has no published files"),
        (f"models download {MODEL} --models nowhere", "--models is 'nowhere', which is no folder."),
        (f"models load {MODEL}", "Unknown command 'load'; it must be download or check."),
        ("models check no-such --models .", "Unknown model 'no-such'"),
    ],
)
def test_what_cannot_be_downloaded_says_why(
    shell: Shell, hub: Hub, models: Path, line: str, words: str
) -> None:
    ran = shell(line if "--models" in line else f"{line} --models {models}")
    assert (ran.code, words in ran.err) == (2, True), ran.err
    assert hub.asked == []


def test_check_says_what_is_there_what_is_missing_and_what_would_be_taken(shell: Shell, models: Path) -> None:
    ran = shell(f"models check {MODEL} --models {models} --json").json
    assert (ran[0]["profile"], ran[0]["files"]) == (None, {})
    assert "of its 3 files 1 are missing" in ran[0]["notes"][0]
    write_weights(models / "unet" / "mine" / "any-klein.safetensors", "klein 4B", "fp8 scaled")
    (found,) = shell(f"models check {MODEL} --models {models} --json").json
    assert found["profile"] == "flux-2-klein-4b"
    assert found["files"]["diffusion_model"] == "mine/any-klein.safetensors"
    listed = shell(f"models check --models {models}").out.decode()
    assert f"{MODEL}: profile flux-2-klein-4b" in listed
    assert "qwen-edit: cannot run" in listed


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("qwen-image-edit", ["diffusion_model", "text_encoder", "vae", "lora"]),
        ("longcat-image-edit", ["diffusion_model", "text_encoder", "vae"]),
        ("boogu-image-edit", ["diffusion_model", "text_encoder", "vae"]),
        ("flux-1-kontext-dev-edit", ["diffusion_model", "text_encoder", "text_encoder_2", "vae"]),
        ("flux-1-fill-dev", ["diffusion_model", "text_encoder", "text_encoder_2", "vae"]),
        ("qwen-image-layered", ["diffusion_model", "text_encoder", "vae"]),
    ],
)
def test_every_part_of_a_model_can_be_downloaded_and_is_checked(
    shell: Shell, hub: Hub, models: Path, model: str, parts: list[str]
) -> None:
    (found,) = shell(f"models check {model} --models {models} --json").json
    assert (found["profile"], "are missing" in found["notes"][0]) == (None, True)
    ran = shell(f"models download {model} --models {models} --json").json
    assert [entry["part"] for entry in ran["files"]] == parts
    assert [Path(made["file"]) for made in ran["downloaded"]] == [
        Path(entry["target"]) for entry in ran["files"]
    ]
    assert all(Path(made["file"]).read_bytes() == CONTENT for made in ran["downloaded"])


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"half a file", "exists, but "), (None, "exists, but cannot be read as weights")],
)
def test_a_file_of_the_users_is_only_replaced_if_that_is_asked_for(
    shell: Shell, hub: Hub, models: Path, content: bytes | None, words: str
) -> None:
    target, line = models / DIT, f"models download {MODEL} --models {models} --memory 8"
    target.parent.mkdir()
    if content is None:
        target.symlink_to("nowhere.safetensors")
    else:
        target.write_bytes(content)
    assert words in shell(line + " --dry-run").err
    ran = shell(line)
    assert (ran.code, "Move it away, or pass --replace" in ran.err, hub.asked) == (7, True, [])
    assert words in ran.err
    assert (target.is_symlink() or target.read_bytes() == content) is True
    assert shell(line + " --replace").code == 0
    assert (target.is_symlink(), target.read_bytes()) == (False, CONTENT)


def test_a_file_that_appears_during_the_download_stays(shell: Shell, hub: Hub, models: Path) -> None:
    hub.while_delivering = lambda: (models / DIT).write_bytes(b"mine")
    assert shell(f"models download {MODEL} --models {models} --memory 8").code == 7
    assert (models / DIT).read_bytes() == b"mine"


def test_the_folders_that_comfyui_was_given_count_too(
    shell: Shell, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_weights(models.parent / "disk" / "any-klein.safetensors", "klein 4B", "fp8 scaled")
    (models.parent / "main.py").write_text("")
    (models.parent / "extra_model_paths.yaml").write_text("mine:\n  diffusion_models: disk\n")
    line = f"models check {MODEL} --models {models} --json"
    assert shell(line).json[0]["files"]["diffusion_model"] == "any-klein.safetensors"
    monkeypatch.setitem(sys.modules, "yaml", None)
    ran = shell(line)
    assert ran.json[0]["profile"] is None
    assert "extra_model_paths.yaml is not read: PyYAML is missing." in ran.err
