"""Safe mode: what classifying and blurring cost, and how much of an image is left after blurring.

    COMFYUI_PATH=... <ComfyUI's python> bench/safety.py

The classifiers run on weights of zeros, which take as long as their own. Without COMFYUI_PATH there is no
other side for blurring.
"""

from __future__ import annotations

import asyncio
import io
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from support import Figure, interleave, load_comfyui, load_package, machine, print_table
from torch import Tensor

ROUNDS = 9
DEFAULT = "open_nsfw+nsfwjs"
SIDE = 1024  # of a picture of one megapixel
BLUR_BAR = 0.15  # of the time of core's ImageBlur
REQUEST_BAR = 5.0  # percent of the request without safe mode, beyond the classifier's own time
SIDES = {"1 MP": 1024, "4 MP": 2048, "33 MP": 5760}
SPECTRUM_SIDE = 1024  # pixels a side at which what is left is looked for
LEFT = 0.5  # correlation of a ring of frequencies that counts as left

Blur = Callable[[Tensor], Tensor]


def scene(side: int) -> Tensor:
    """A picture [1, side, side, 3] with the spectrum of a photograph: amplitudes fall as 1 / frequency."""
    random = torch.Generator().manual_seed(side)
    across, down = torch.fft.rfftfreq(side), torch.fft.fftfreq(side)
    frequency = (across**2 + down[:, None] ** 2).sqrt().clamp(min=1 / side)
    noise = torch.fft.rfft2(torch.randn(3, side, side, generator=random)) / frequency
    picture = torch.fft.irfft2(noise, s=(side, side))
    picture = 0.5 + 0.15 * (picture - picture.mean()) / picture.std()
    return picture.clamp(0, 1).permute(1, 2, 0)[None].contiguous()


def cells_left(original: Tensor, shown: Tensor) -> float:
    """Pixels a side of a square picture with as many numbers as are left in what is shown, by its spectrum.

    Rings of frequencies of the two are correlated (after W. O. Saxton and W. Baumeister, 1982). Undoing a
    known blur would multiply each ring by a number, which no correlation sees: this is after such an attempt.
    """
    one, two = (
        torch.fft.fft2(
            torch.nn.functional.adaptive_avg_pool2d(picture[..., 1], SPECTRUM_SIDE)[0]
            - picture[..., 1].mean()
        )
        for picture in (original, (shown * 255).round() / 255)
    )
    ring = torch.fft.fftfreq(SPECTRUM_SIDE, 1 / SPECTRUM_SIDE)
    ring = (ring**2 + ring[:, None] ** 2).sqrt().round().long().flatten()
    sums = [
        torch.zeros(int(ring.max()) + 1).index_add_(0, ring, part.flatten())
        for part in ((one * two.conj()).real, one.abs() ** 2, two.abs() ** 2)
    ]
    correlation = sums[0] / (sums[1] * sums[2]).sqrt()
    first_lost = 1 + int((correlation[1:] < LEFT).nonzero()[0])
    return float((ring < first_lost).sum()) ** 0.5


def classifiers(device: str = "cpu") -> dict[str, Any]:
    """The default, which is two together, and every known one, on zeros."""
    from multiedit.pipelines.safety.classifiers.loader import NETWORKS
    from multiedit.pipelines.safety.classifiers.network import NetworkClassifier, NetworkEnsemble
    from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS, EMBEDDED

    made = {}
    for name, known in CLASSIFIERS.items():
        shapes = NETWORKS[name].shapes
        weights = {key: torch.zeros(shape, device=device) for key, shape in shapes.items()}
        made[name] = NetworkClassifier(
            NETWORKS[name], lambda weights=weights: weights, name, "", known.levels, known.rules
        )
    return {DEFAULT: NetworkEnsemble([made[name] for name in EMBEDDED]), **made}


def judging(device: str, rounds: int) -> None:
    from multiedit.pipelines.safety.classifiers.network import VIEWS_AT_ONCE

    counts: dict[str, int] = {}
    picture = scene(SIDE).to(device)
    cases: dict[str, Callable[[], object]] = {}
    for name, classifier in classifiers(device).items():
        for count in (1, VIEWS_AT_ONCE):
            batch = picture.expand(count, -1, -1, -1)
            case = f"{name}, {count} at once"
            cases[case] = lambda judge=classifier, batch=batch: judge.scores(batch).tolist()
            counts[case] = count
    seconds = interleave(cases, rounds)
    figures = [
        Figure(case, counts[case] / each, note=f"{each / counts[case]:.3f} s each")
        for case, each in seconds.items()
    ]
    print_table(f"Pictures a second, {SIDE} x {SIDE}, {device}", figures)


def blurring(blur: Blur | None) -> None:
    from multiedit.pipelines.safety.blur import blur

    picture = torch.rand(1, 2160, 3840, 3)
    cases: dict[str, Callable[[], object]] = {"blur": lambda: blur(picture)}
    if blur is not None:
        cases["ImageBlur"] = lambda: blur(picture)
    seconds = interleave(cases, 3)
    figures = [Figure(name, each, unit=" s") for name, each in seconds.items()]
    if "ImageBlur" in seconds:
        figures.append(Figure("blur / ImageBlur", seconds["blur"] / seconds["ImageBlur"], BLUR_BAR))
    print_table("Obscuring 3840 x 2160", figures)


def request() -> None:
    """A request of one megapixel: each classifier's share, and what safe mode takes beside it."""
    from multiedit.pipelines.common.settings import Limits
    from multiedit.pipelines.planning.request import parse_request
    from multiedit.pipelines.sources.source import BytesSource
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray((scene(SIDE)[0] * 255).byte().numpy()).save(stream, "png")
    fields = {"prompt": "p", "modelId": "layer-composite", "images": [BytesSource(stream.getvalue())] * 2}
    asked = parse_request({**fields, "output_format": "png"}, Limits())
    figures = []
    for name, plain in classifiers().items():
        classifier = Timed(plain)
        editor = _editor(classifier)
        shares, beyond = [], []
        for _ in range(ROUNDS if "nsfw" in name else 3):
            classifier.seconds = 0.0
            seconds = asyncio.run(editor.edit(asked)).seconds
            total = sum(seconds.values())
            shares.append(classifier.seconds / total)
            beyond.append((seconds["check"] - classifier.seconds) / (total - seconds["check"]))
        figures.append(Figure(f"{name}'s share of the request", 100 * statistics.median(shares), unit=" %"))
        if name == DEFAULT:
            beside = 100 * statistics.median(beyond)
            figures.append(Figure("safe mode beside it, of the rest", beside, REQUEST_BAR, " %"))
    print_table(f"A request to the embedded adapter, {SIDE} x {SIDE}", figures)


def _editor(classifier: Any) -> Any:
    """Of the loose preset, by which zeros, undecided between all classes, pass."""
    from multiedit.pipelines.adapters.local import local_adapters
    from multiedit.pipelines.catalog.lookup import load_catalog
    from multiedit.pipelines.common.settings import Limits
    from multiedit.pipelines.editing.pipeline import EditPipeline
    from multiedit.pipelines.safety.policy import Policy
    from multiedit.pipelines.sources.source import SourceLoader

    async def no_fetch(url: str, name: str) -> bytes:
        raise AssertionError(f"{name} must not be fetched")

    limits = Limits()
    loader = SourceLoader(limits, no_fetch)
    adapters = local_adapters(limits)
    return EditPipeline(limits, load_catalog(), adapters, loader, lambda: classifier, policy=Policy("loose"))


class Timed:
    """A classifier that counts the seconds that it takes."""

    def __init__(self, classifier: Any) -> None:
        self._classifier = classifier
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._classifier, name)

    def scores(self, images: Tensor, tiles: bool = False) -> Tensor:
        started = time.perf_counter()
        found = self._classifier.scores(images, tiles)
        self.seconds += time.perf_counter() - started
        return found


def recovering(blur: Blur | None) -> None:
    from multiedit.pipelines.safety.blur import CELLS, blur

    figures = []
    for name, side in SIDES.items():
        picture = scene(side)
        figures.append(Figure(f"blurred, {name}", cells_left(picture, blur(picture))))
    if blur is not None:
        picture = scene(SIDE)
        figures.append(Figure("ImageBlur at radius 31, sigma 10, 1 MP", cells_left(picture, blur(picture))))
    print_table(f"Cells a side that are left to an attempt to recover; {CELLS} by construction", figures)


def core_blur() -> Blur | None:
    """ComfyUI's own ImageBlur at its strongest."""
    if load_comfyui() is None:
        return None
    from comfy_extras.nodes_post_processing import Blur as Node

    return lambda picture: Node.execute(picture, 31, 10.0)[0]


def main() -> None:
    load_package()
    blur = core_blur()
    print(machine())
    judging("cpu", 3)
    if torch.cuda.is_available():
        judging("cuda", 20)
    blurring(blur)
    request()
    recovering(blur)


if __name__ == "__main__":
    sys.exit(main())
