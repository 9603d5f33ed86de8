"""A closed model on a real ComfyUI: as a node and over the API; the key is in nothing that it keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from multiedit.tests.support.comfyui import PACK, Installation, Server
from multiedit.tests.support.documented import KEY as API_KEY
from multiedit.tests.support.pictures import PICTURES
from multiedit.tests.support.provider_peer import KEY, HostedPeer, png, replying

MODEL = "nano-banana-2-edit"


@pytest.fixture(scope="module")
def peer() -> Iterator[HostedPeer]:
    with HostedPeer(replying(png((1376, 768)), x_venice_balance_usd="4.23")) as peer:
        yield peer


@pytest.fixture(scope="module")
def hosting(
    installation: Installation, peer: HostedPeer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("comfyui-hosted")
    folders = {f"XDG_{kind}_HOME": str(base / kind.lower()) for kind in ("CONFIG", "CACHE", "STATE")}
    environment = {**folders, **peer.environment, "MULTIEDIT_API_KEYS": API_KEY}
    server = Server(installation, base, {"multi-edit": PACK}, environment=environment)
    with server:
        server.add_inputs(*PICTURES)
        yield server


def graph() -> dict[str, Any]:
    """Load Layered Images -> Multi-Edit -> Safe Mode -> Save Edited Image."""
    edit = {
        "model": MODEL, "model.aspect_ratio": "16:9", "model.resolution": "1K", "prompt": "a hat", "seed": 0,
        "keep_size": False, "image_1": ["1", 0],
    }  # fmt: skip
    save = {
        "images": ["3", 0], "filename_prefix": "hosted", "plan": ["2", 1], "report": ["3", 3],
        "format": "png",
    }  # fmt: skip
    return {
        "1": {"class_type": "MultiEditLoadLayers", "inputs": {"image_1": PICTURES[0].name}},
        "2": {"class_type": "MultiEditEdit", "inputs": edit},
        "3": {"class_type": "MultiEditSafeMode", "inputs": {"image": ["2", 0]}},
        "4": {"class_type": "MultiEditSave", "inputs": save},
    }


def test_a_closed_model_runs_as_a_node_and_over_the_api_and_its_key_is_nowhere(
    hosting: Server, peer: HostedPeer
) -> None:
    offered = json.dumps(hosting.json("/object_info/MultiEditEdit"))
    assert MODEL in offered
    run = hosting.run(graph())
    assert run.entry["status"]["status_str"] == "success", run.entry
    assert len(peer.asked) == 1
    assert hosting.run(graph()).cached >= {"2"}
    assert len(peer.asked) == 1

    answer = httpx.post(
        f"{hosting.url}/api/v1/image/multi-edit",
        data={"prompt": "a hat", "modelId": MODEL, "aspect_ratio": "16:9"},
        files=[("images", (PICTURES[0].name, PICTURES[0].read_bytes()))],
        headers={"Authorization": f"Bearer {API_KEY}"},
        timeout=120,
        trust_env=False,
    )
    assert (answer.status_code, answer.headers["x-venice-model-id"]) == (200, MODEL), answer.text
    assert len(peer.asked) == 2

    told = [
        offered,
        json.dumps(hosting.json("/history")),
        str(answer.headers),
        answer.content.decode("latin-1"),
    ]
    assert [text for text in told if KEY in text] == []
    kept = [path for path in hosting.base.rglob("*") if path.is_file() and not _ours(path, hosting.base)]
    names = {path.name for path in kept}
    assert {"server.log", "spending.sqlite"} <= names
    assert any(name.startswith("hosted") and name.endswith(".png") for name in names)
    assert [path.name for path in kept if KEY.encode() in path.read_bytes()] == []
    # The balance is for the person who asked, not for a file.
    assert [path.name for path in kept if path.suffix == ".png" and b"4.23 USD" in path.read_bytes()] == []


def _ours(path: Path, base: Path) -> bool:
    """The pack itself, which is only linked into the folder."""
    return (base / "custom_nodes") in path.parents
