"""Cancelling Safe Mode is heard within a second whichever classifier works, on one core.

Seconds are those of the processor, since other programs may keep it busy. The weights of those that have to
be downloaded are all the same number here: only their sizes matter.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch.overrides import TorchFunctionMode

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

HEARD_SECONDS = 1.0
WORK_SECONDS = 0.5  # fewer than 60 frames take the quickest of them


def plain_weights(folder: Path, name: str) -> str:
    """Write weights of a classifier's sizes where they are looked for; their sha256."""
    from multiedit.pipelines.safety.classifiers import eva02, vit
    from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS

    network = {"light": vit, "recommended": eva02}[name].NETWORK
    tensors = {key: torch.full(shape, 0.01, dtype=torch.float16) for key, shape in network.shapes.items()}
    path = folder / CLASSIFIERS[name].file
    path.parent.mkdir(parents=True)
    safetensors.torch.save_file(tensors, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(params=["open_nsfw", "nsfwjs", "light", "recommended"])
def classifier(
    request: pytest.FixtureRequest, comfyui: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The name of a classifier that is loaded."""
    from multiedit.nodes.safe_mode import MultiEditSafeMode

    name: str = request.param
    if name in ("light", "recommended"):
        monkeypatch.setenv("MULTIEDIT_SAFETY_FOLDER", str(tmp_path))
        monkeypatch.setenv("MULTIEDIT_SAFETY_ALLOWED", plain_weights(tmp_path, name))
    assert asyncio.run(MultiEditSafeMode.check_lazy_status(classifier=name)) == ["image"]
    return name


class Watch(TorchFunctionMode):
    """Cancels after some seconds of work in one thread.

    Attributes:
        pauses: seconds of the processor between two operations of torch in a thread, at each of which a
            cancel is heard.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._cancel = cancel
        self._thread = threading.local()

    def __torch_function__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        now = time.thread_time()
        began, last = getattr(self._thread, "times", (now, now))
        self._thread.times = began, now
        self.pauses.append(now - last)
        if now > began + WORK_SECONDS:
            self._cancel()
        return operation(*args, **(kwargs or {}))


def test_a_cancel_is_heard_within_a_second(graph: Any, comfyui: Any, classifier: str) -> None:
    """Takes the seconds of work, and where weights are made, one more for 173 MB of them."""
    from multiedit.pipelines.common.threads import in_every_thread

    watch = Watch(comfyui.interrupt_processing)
    with in_every_thread(watch), pytest.raises(graph.Failed, match="interrupted in node"):
        graph.run("MultiEditSafeMode", image=torch.rand(60, 448, 448, 3), classifier=classifier)
    assert max(watch.pauses) < HEARD_SECONDS
