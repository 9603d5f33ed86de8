"""Safe Mode in ComfyUI's executor: lists, thresholds, a missing classifier."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


def screen(graph: Any, image: torch.Tensor, **inputs: Any) -> list[list[Any]]:
    return graph.lists(
        "MultiEditSafeMode", image=image, threshold=inputs.pop("threshold", "default"), **inputs
    )


def grey_and_noise(channels: int = 3) -> torch.Tensor:
    """Mid grey scores 0.195, noise next to nothing."""
    noise = torch.rand(1, 80, 90, channels, generator=torch.Generator().manual_seed(0))
    if channels == 4:
        noise[..., 3] = 1.0
    return torch.cat((torch.full_like(noise, 0.5), noise))


@pytest.mark.parametrize("channels", [3, 4])
def test_every_picture_has_its_own_decision(graph: Any, channels: int) -> None:
    from multiedit.pipelines.safety.blur import blur

    image = grey_and_noise(channels)
    custom = {"threshold": "custom", "threshold.score": 0.1}
    (out,), blurred, scores, (report,) = screen(graph, image, **custom)
    assert out.shape == image.shape
    assert blurred == [True, False]
    assert scores[0] > 0.1 > scores[1]
    assert torch.equal(out[1], image[1])
    assert torch.equal(out[:1], blur(image[:1]))
    assert not (out[0, ..., :3] == image[0, ..., :3]).any()
    decisions = json.loads(report)
    assert [decision["blurred"] for decision in decisions] == blurred
    assert decisions[0]["threshold"] == 0.1


@pytest.mark.parametrize("named", [{}, {"classifier": "open_nsfw and nsfwjs"}], ids=["left out", "named"])
def test_the_default_is_the_classifiers_own(graph: Any, named: dict[str, str]) -> None:
    (out,), blurred, _, (report,) = screen(graph, grey_and_noise(), **named)
    assert blurred == [False, False]
    assert torch.equal(out, grey_and_noise())
    decision = json.loads(report)[0]
    assert (decision["classifier"], decision["level"]) == ("open_nsfw+nsfwjs", "open_nsfw.nsfw")
    assert decision["threshold"] == 0.5


def test_each_classifier_of_the_pack_is_selected_alone(graph: Any) -> None:
    for name in ("open_nsfw", "nsfwjs"):
        _, _, _, (report,) = screen(graph, grey_and_noise(), classifier=name)
        assert json.loads(report)[0]["classifier"] == name


def test_a_picture_that_cannot_be_judged_is_blurred(graph: Any) -> None:
    image = grey_and_noise()
    image[1, 3, 3, 0] = float("nan")
    (out,), blurred, scores, (report,) = screen(graph, image)
    assert blurred == [False, True]
    assert scores[1] == 1.0
    assert json.loads(report)[1]["status"] == "error"
    assert torch.isfinite(out).all()


def test_what_a_missing_classifier_means_is_chosen(graph: Any, classifiers: Path) -> None:
    with pytest.raises(graph.Failed, match=r"download_weights.*`multiedit safety download light`"):
        screen(graph, grey_and_noise(), classifier="light")
    _, blurred, scores, _ = screen(graph, grey_and_noise(), classifier="light", on_missing="blur_all")
    assert (blurred, scores) == ([True, True], [1.0, 1.0])


@pytest.mark.parametrize("damage", [lambda path: None, lambda path: path.write_bytes(b"no weights")])
def test_a_classifier_that_cannot_judge_is_told_before_the_picture_is_made(
    graph: Any, classifiers: Path, damage: Any
) -> None:
    path = classifiers / "nsfw" / "marqo-nsfw-image-detection-384.safetensors"
    path.parent.mkdir()
    damage(path)
    prompt = graph.prompt("MultiEditSafeMode", image=grey_and_noise(), classifier="light")
    prompt["slow"] = {"class_type": "TestSlow", "inputs": {"image": prompt["node"]["inputs"]["image"]}}
    prompt["node"]["inputs"]["image"] = ["slow", 0]
    with pytest.raises(graph.Failed, match="safe mode weights"):
        graph.queue(prompt)
    assert Slow.runs == 0


class Weights:
    """Serves bytes in the place of those of `light`; counts the requests."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.requests = 0
        weights = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                weights.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(weights.data)))
                self.end_headers()
                self.wfile.write(weights.data)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def weights(classifiers: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Weights]:
    from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS
    from multiedit.pipelines.safety.classifiers.vit import NETWORK

    data = safetensors.torch.save({name: torch.zeros(shape) for name, shape in NETWORK.shapes.items()})
    served = Weights(data)
    light = replace(
        CLASSIFIERS["light"],
        url=f"http://127.0.0.1:{served.server.server_port}/light",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    monkeypatch.setitem(CLASSIFIERS, "light", light)
    yield served
    served.server.shutdown()
    served.server.server_close()


def test_weights_are_downloaded_once_and_only_on_request(
    graph: Any, weights: Weights, classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import comfy.utils

    shown: list[float] = []
    hook = lambda value, total, preview, **kwargs: shown.append(value / total)  # noqa: E731
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", hook)
    with pytest.raises(graph.Failed, match="missing"):
        screen(graph, grey_and_noise(), classifier="light")
    assert weights.requests == 0
    for _ in range(2):  # the second finds them
        _, _, scores, _ = screen(graph, grey_and_noise(), classifier="light", download_weights=True)
        assert scores == pytest.approx([0.5, 0.5])
    assert weights.requests == 1
    assert 1.0 in shown
    assert [path.name for path in (classifiers / "nsfw").iterdir()] == [
        "marqo-nsfw-image-detection-384.safetensors"
    ]
    assert screen(graph, grey_and_noise(), classifier="light")[2] == pytest.approx([0.5, 0.5])


def test_other_weights_than_the_expected_are_not_kept(
    graph: Any, weights: Weights, classifiers: Path
) -> None:
    weights.data = weights.data[:-1] + b"x"
    with pytest.raises(graph.Failed, match="sha256"):
        screen(graph, grey_and_noise(), classifier="light", download_weights=True)
    assert list((classifiers / "nsfw").iterdir()) == []


def test_an_interrupted_download_keeps_nothing(
    graph: Any, weights: Weights, classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import comfy.model_management as management
    import comfy.utils

    stop = lambda *values, **kwargs: management.interrupt_current_processing()  # noqa: E731
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", stop)
    with pytest.raises(graph.Failed, match="interrupted in node"):
        screen(graph, grey_and_noise(), classifier="light", download_weights=True)
    deadline = time.monotonic() + 30
    while list((classifiers / "nsfw").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list((classifiers / "nsfw").iterdir()) == []


def test_what_the_command_line_has_downloaded_is_found(
    graph: Any, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS

    path = tmp_path / "elsewhere" / CLASSIFIERS["light"].file
    path.parent.mkdir(parents=True)
    path.write_bytes(weights.data)
    monkeypatch.setenv("MULTIEDIT_SAFETY_FOLDER", str(tmp_path / "elsewhere"))
    assert screen(graph, grey_and_noise(), classifier="light")[2] == pytest.approx([0.5, 0.5])


class Slow:
    """Stands for the sampling before Safe Mode."""

    runs = 0
    CATEGORY, FUNCTION, RETURN_TYPES = "test", "work", ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"image": ("IMAGE", {})}}

    def work(self, image: torch.Tensor) -> tuple[torch.Tensor]:
        type(self).runs += 1
        return (image,)


@pytest.fixture
def classifiers(comfyui: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of classifiers; and a node that counts its runs."""
    import folder_paths

    folder = tmp_path / "classifiers"
    folder.mkdir()
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "classifiers", ([str(folder)], {""}))
    monkeypatch.setitem(comfyui.NODE_CLASS_MAPPINGS, "TestSlow", Slow)
    monkeypatch.setattr(Slow, "runs", 0)
    return folder


@pytest.fixture
def light(classifiers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the place of `light`, on the user's allow list, which gives every picture 0.4."""
    from multiedit.pipelines.safety.classifiers.vit import NETWORK

    weights = {name: torch.zeros(shape) for name, shape in NETWORK.shapes.items()}
    weights["head.bias"] = torch.tensor([0.4, 0.6]).log()
    data = safetensors.torch.save(weights)
    path = classifiers / "nsfw" / "marqo-nsfw-image-detection-384.safetensors"
    path.parent.mkdir()
    path.write_bytes(data)
    monkeypatch.setenv("MULTIEDIT_SAFETY_ALLOWED", hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(("threshold", "blurred"), [("strict", True), ("default", False), ("loose", False)])
def test_another_classifier_judges_by_its_presets(
    graph: Any, light: None, threshold: str, blurred: bool
) -> None:
    _, flags, scores, (report,) = screen(graph, grey_and_noise(), classifier="light", threshold=threshold)
    assert flags == [blurred, blurred]
    assert scores == pytest.approx([0.4, 0.4])
    decision = json.loads(report)[0]
    assert (decision["classifier"], decision["preset"]) == ("light", threshold)


def test_comfyui_may_take_the_weights_off_its_device_at_any_time(graph: Any, light: None) -> None:
    from comfy import model_management

    model_management.unload_all_models()
    for score in (0.1, 0.11):  # another one each time, so that the node is not cached
        custom = {"threshold": "custom", "threshold.score": score}
        _, _, scores, _ = screen(graph, grey_and_noise(), classifier="light", **custom)
        assert scores == pytest.approx([0.4, 0.4])
        held = [loaded.model.model for loaded in model_management.current_loaded_models]
        assert sum("classifier" in dict(model.named_children()) for model in held) == 1
        model_management.unload_all_models()


def test_comfyui_manages_each_of_two_classifiers(graph: Any) -> None:
    from comfy import model_management

    found = []
    for score in (0.9, 0.91):
        model_management.unload_all_models()
        custom = {"threshold": "custom", "threshold.score": score}
        found.append(screen(graph, grey_and_noise(), **custom)[2])
        held = [loaded.model.model for loaded in model_management.current_loaded_models]
        assert sum("classifier" in dict(model.named_children()) for model in held) == 2
    assert found[0] == pytest.approx(found[1])


def test_one_frame_of_a_video_blurs_all(graph: Any) -> None:
    custom = {"threshold": "custom", "threshold.score": 0.1}
    (out,), blurred, scores, (report,) = screen(
        graph, grey_and_noise(), batch="video", **{"batch.fps": 24.0}, **custom
    )
    assert blurred == [True, True]
    assert scores[0] == scores[1] > 0.1
    assert len(json.loads(report)) == len(out)


def test_a_video_without_its_rate_is_refused(graph: Any) -> None:
    with pytest.raises(graph.Failed):
        screen(graph, grey_and_noise(), batch="video")


def test_inputs_that_a_graph_leaves_out_are_the_environments(
    graph: Any, light: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIEDIT_SAFETY_CLASSIFIERS", "light")
    monkeypatch.setenv("MULTIEDIT_SAFETY_PRESET", "strict")
    _, blurred, _, (report,) = graph.lists("MultiEditSafeMode", image=grey_and_noise())
    assert blurred == [True, True]
    assert json.loads(report)[0]["classifier"] == "light"
    given = {"classifier": "open_nsfw", "threshold": "loose"}
    assert graph.lists("MultiEditSafeMode", image=grey_and_noise(), **given)[1] == [False, False]
