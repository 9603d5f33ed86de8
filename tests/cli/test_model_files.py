"""`multiedit models download` and `check`, against a hub on this machine."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
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
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.sha256: str | None = SHA256
        self.cut: int | None = None
        self.status: int | None = None

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
            request.send_header("X-Linked-Size", str(len(CONTENT)))
            request.send_header("Location", "/cdn" + request.path)
            request.send_header("Content-Length", "0")
            request.end_headers()

    def _deliver(self, request: http.server.BaseHTTPRequestHandler) -> None:
        start = int((request.headers.get("Range") or "bytes=0-")[6:-1])
        if start >= len(CONTENT):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        request.send_header("Content-Length", str(len(CONTENT) - start))
        request.end_headers()
        end, self.cut = self.cut, None
        request.wfile.write(CONTENT[start:end])


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


def test_the_token_goes_to_the_hub(
    shell: Shell, hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "a-token")
    ran = shell(f"models download {MODEL} --models {models} --memory 8")
    assert hub.asked[0][2] == "Bearer a-token"
    assert "a-token" not in ran.err


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
