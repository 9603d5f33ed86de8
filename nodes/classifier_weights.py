"""The weights of safe mode's classifiers in ComfyUI: found, or downloaded where the user asks for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..pipelines.common.command import command
from ..pipelines.common.errors import ClassifierMissing
from ..pipelines.safety.classifiers.specs import CLASSIFIERS, ClassifierSpec
from ..pipelines.safety.classifiers.store import Store
from ..pipelines.safety.settings import SafetySettings
from ..pipelines.sources.download import download as fetch
from .progress import interruptible, progress_callback


async def require_weights(settings: SafetySettings, download: bool) -> None:
    """Download the weights that are missing, or say how to get them. Damaged ones are found on loading.

    Args:
        download: whether the user has asked for it; without that nothing is fetched.

    Raises:
        ClassifierMissing: weights are missing, are not to be downloaded, and `on_missing` is `error`.
        FetchFailed, WeightsMismatch, OutputError: see `Store.download`.
    """
    wanted = (CLASSIFIERS[name] for name in settings.classifiers)
    for spec in wanted:
        if spec.url is None or settings.store.state(spec) == "present":
            continue
        if download:
            await _download(settings.store, spec, spec.url)
        elif settings.policy.on_missing == "error":
            raise ClassifierMissing(_advice(spec, spec.url))


def _advice(spec: ClassifierSpec, url: str) -> str:
    return (
        f"The safe mode weights of the classifier {spec.name} are missing. Switch download_weights on to "
        f"download them once ({spec.size / 1e6:.0f} MB from {urlsplit(url).hostname}), run "
        f"{command(f'safety download {spec.name}')}, or choose open_nsfw."
    )


async def _download(store: Store, spec: ClassifierSpec, url: str) -> None:
    """Download with ComfyUI's progress bar. When interrupted, nothing is kept."""
    show = progress_callback()
    done = 0

    def on_bytes(count: int) -> None:
        nonlocal done
        done += count
        show(done / spec.size)

    await interruptible(store.download(spec, url, fetch, on_bytes))
