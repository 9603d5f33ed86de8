"""Cache what a loaded model has encoded, kept as long as ComfyUI keeps that model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ...pipelines.common.lru_cache import LRUCache

_MOST_BYTES = 512 * 2**20
_Value = TypeVar("_Value")


class EncodingCache:
    """Latents, vision features and encoded prompts by content, in main memory.

    ComfyUI drops the results of nodes inside an expansion whenever the outer node was cached in a run. This
    cache is a part of the loaded model instead, which is the result of a node of the user's own graph: it
    survives such runs, and goes when ComfyUI drops the model, also by `POST /free`. Values are never on the
    card, even where ComfyUI leaves its own results there (--gpu-only).
    """

    def __init__(self) -> None:
        self._values: LRUCache[Any] = LRUCache(_MOST_BYTES, _bytes)

    def get(self, kind: str, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """The value of a key, on the CPU, made on the first call."""
        value: _Value = self._values.get((kind, key), lambda: on_device(make(), "cpu"))
        return value


class SharedEncodings:
    """The caches of text encoders and VAEs that come from elsewhere, kept as long as ComfyUI keeps these."""

    def __init__(self) -> None:
        self._caches: WeakKeyDictionary[Any, WeakKeyDictionary[Any, EncodingCache]] = WeakKeyDictionary()

    def of(self, clip: Any, vae: Any) -> EncodingCache:
        """The cache of a text encoder, as it is patched, and of a VAE."""
        return self._caches.setdefault(clip, WeakKeyDictionary()).setdefault(vae, EncodingCache())


def on_device(value: Any, device: Any) -> Any:
    """A nested value with its tensors on a device."""
    if hasattr(value, "to"):
        return value.to(device)
    if isinstance(value, Mapping):
        return {name: on_device(part, device) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(on_device(part, device) for part in value)
    return value


def _bytes(value: Any) -> int:
    """Count the bytes of memory that the tensors in a nested value take."""
    if hasattr(value, "numel"):
        return int(value.numel() * value.element_size())
    if isinstance(value, Mapping):
        return sum(map(_bytes, value.values()))
    return sum(map(_bytes, value)) if isinstance(value, (list, tuple)) else 0
