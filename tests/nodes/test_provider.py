"""Multi-Edit by closed models in ComfyUI's executor: offered where a provider is configured, made there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from multiedit.tests.support.provider_peer import KEY, HostedPeer, png, replying

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

MODEL = {
    "model": "nano-banana-2-edit", "model.aspect_ratio": "16:9", "model.resolution": "2K", "prompt": "a hat",
    "seed": 0, "keep_size": False,
}  # fmt: skip


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Sets a provider, with folders of the test's own."""

    def set_all(peer: HostedPeer | None, **variables: str) -> None:
        for kind in ("CONFIG", "CACHE", "STATE"):
            monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
        for name, value in {**(peer.environment if peer else {}), **variables}.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.fixture
def peer() -> Iterator[HostedPeer]:
    with HostedPeer(replying(png((2752, 1536)))) as peer:
        yield peer


def options() -> list[str]:
    from multiedit.nodes.edit import MultiEditEdit

    (model,) = (given for given in MultiEditEdit.define_schema().inputs if given.id == "model")
    return [option.key for option in model.options]


def test_closed_models_are_offered_only_with_a_provider(
    comfyui: Any, configure: Any, peer: HostedPeer, caplog: pytest.LogCaptureFixture
) -> None:
    configure(None)
    assert options() == ["layer-composite", "from loader"]
    configure(peer)
    assert options()[:2] == ["layer-composite", "from loader"]
    assert len(options()) == 14
    configure(peer, MULTIEDIT_PROVIDER_KEY="")
    assert options() == ["layer-composite", "from loader"]
    assert "needs MULTIEDIT_PROVIDER_URL" in caplog.text


def test_a_closed_model_is_made_there_and_cached_here(graph: Any, configure: Any, peer: HostedPeer) -> None:
    configure(peer)
    base = torch.rand(1, 300, 400, 3)
    prompt = graph.prompt("MultiEditEdit", **MODEL, **{"image_1": base})
    image, plan, report = (values[0] for values in graph.queue(prompt))
    assert image.shape == (1, 1536, 2752, 3)
    made = json.loads(plan)
    assert (made["adapter"], made["price_usd"], made["width"]) == ("provider", 0.14, 2752)
    assert "charges about 0.14 USD" in report
    fields = peer.asked[0].fields
    assert (fields["modelId"], fields["aspect_ratio"], fields["resolution"]) == (
        "nano-banana-2-edit", "16:9", "2K",
    )  # fmt: skip
    graph.queue(prompt)
    assert len(peer.asked) == 1
    assert "node" in graph.cached
    assert KEY not in json.dumps([prompt, plan, report, graph.ui])


def test_a_mask_and_batches_go_frame_by_frame(graph: Any, configure: Any) -> None:
    mask = torch.zeros(1, 300, 400)
    mask[:, :100] = 1.0
    base = torch.rand(2, 300, 400, 3)
    with HostedPeer(replying(png((512, 384), (255, 0, 0)))) as peer:
        configure(peer)
        inputs = {**MODEL, "model.aspect_ratio": "auto", "keep_size": True, "mask": mask}
        image, *_ = graph.run("MultiEditEdit", **inputs, **{"image_1": base})
    assert len(peer.asked) == 2
    assert torch.equal(image[:, 110:], base[:, 110:])
    red = torch.tensor([1.0, 0.0, 0.0]).expand(2, 90, 400, 3)
    torch.testing.assert_close(image[:, :90], red, atol=1e-4, rtol=0)


def test_a_frame_that_the_mask_leaves_out_is_neither_sent_nor_charged(graph: Any, configure: Any) -> None:
    mask, base = torch.zeros(3, 300, 400), torch.rand(3, 300, 400, 3)
    mask[1] = 1.0
    with HostedPeer(replying(png((512, 384), (255, 0, 0)))) as peer:
        configure(peer)
        inputs = {**MODEL, "model.aspect_ratio": "auto", "keep_size": True, "mask": mask}
        image, _, summary = graph.run("MultiEditEdit", **inputs, **{"image_1": base})
    assert len(peer.asked) == 1
    assert torch.equal(image[0], base[0])
    assert torch.equal(image[2], base[2])
    assert not torch.equal(image[1], base[1])
    assert "Frame 3: Nothing is sent or charged: the mask selects nothing." in summary


def test_a_batch_that_costs_too_much_altogether_is_not_begun(
    graph: Any, configure: Any, peer: HostedPeer
) -> None:
    configure(peer, MULTIEDIT_MAX_USD_PER_DAY="0.4")
    asked = len(peer.asked)
    with pytest.raises(graph.Failed, match=r"the 3 edits cost 0\.42; MULTIEDIT_MAX_USD_PER_DAY allows 0\.4"):
        graph.run("MultiEditEdit", **MODEL, **{"image_1": torch.rand(3, 300, 400, 3)})
    assert len(peer.asked) == asked


def test_the_node_shows_the_price_and_each_further_attempt(
    graph: Any, configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("multiedit.nodes.provider.show_text", lambda cls, text: shown.append(text))
    with HostedPeer(replying({}, 503), replying()) as peer:
        configure(peer, MULTIEDIT_PROVIDER_WAIT_SECONDS="0.01")
        graph.run("MultiEditEdit", **MODEL, **{"image_1": torch.rand(1, 300, 400, 3)})
    assert shown[0].startswith("nano-banana-2-edit: about 0.14 USD, ")
    assert "the provider responded with 503; attempt 2 in" in shown[1]


def test_an_interruption_closes_the_connection(graph: Any, configure: Any) -> None:
    from comfy.model_management import interrupt_current_processing

    async def forever(request: Any) -> Any:
        import asyncio

        started.set()
        await asyncio.sleep(60)

    started = threading.Event()

    def interrupt() -> None:
        started.wait(20)
        interrupt_current_processing()

    with HostedPeer(forever) as peer:
        configure(peer)
        threading.Thread(target=interrupt, daemon=True).start()
        before = time.monotonic()
        with pytest.raises(graph.Failed, match="interrupted"):
            graph.run("MultiEditEdit", **MODEL, **{"image_1": torch.rand(1, 300, 400, 3)})
        assert time.monotonic() - before < 20
        assert peer.left.wait(20)


def test_without_a_provider_a_closed_model_says_what_to_set(graph: Any, configure: Any) -> None:
    configure(None)
    with pytest.raises(graph.Failed, match=r"Closed models are listed where MULTIEDIT_PROVIDER_URL"):
        graph.run("MultiEditEdit", **MODEL, **{"image_1": torch.rand(1, 300, 400, 3)})


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (replying({"error": "Insufficient balance"}, 402), "Insufficient balance. Top the account up"),
        (replying(b"nonsense"), "sent no usable image"),
    ],
)
def test_what_goes_wrong_there_is_an_error_on_the_node(
    reply: Any, words: str, graph: Any, configure: Any
) -> None:
    with HostedPeer(reply) as peer:
        configure(peer)
        with pytest.raises(graph.Failed, match=words):
            graph.run("MultiEditEdit", **MODEL, **{"image_1": torch.rand(1, 300, 400, 3)})
