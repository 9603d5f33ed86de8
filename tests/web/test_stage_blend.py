"""The stage's shader against the compositor: every mode, on opaque and transparent canvases, in Chromium."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from multiedit.pipelines.layers.composite import composite
from multiedit.pipelines.layers.document import Document, Layer
from multiedit.pipelines.layers.modes import BLEND_MODES
from multiedit.pipelines.layers.placement import Box, Placement, place
from multiedit.tests.support import browser as chromium_browser
from multiedit.tests.support.comfyui import PACK
from torch import Tensor

ORIGIN = "http://stage.test/"
SIDE = 8  # 64 colours of the canvas under 64 of the layer

PLACEMENTS: tuple[dict[str, Any], ...] = (
    {"rotation": 90.0},
    {"rotation": -90.0, "flip_h": True},
    {"flip_h": True},
    {"flip_v": True, "anchor": "top-left"},
    {"offset_x": 40.0, "offset_y": -45.0},
)
PAINT = """
async ({layers, size, background}) => {
  const {Blender} = await import('/web/stage/blend.js')
  const {DEFAULTS} = await import('/web/stage/placement.js')
  const blender = window.blender ??= Blender.make()
  if (!blender) return null
  const pictures = await Promise.all(layers.map(async ({pixels, size}) => ({
    size, bitmap: await createImageBitmap(new ImageData(new Uint8ClampedArray(pixels), ...size)),
  })))
  const placed = layers.map(({placement, size}, number) => ({
    number, size, placement: {...DEFAULTS, fit: 'none', ...placement},
  }))
  const shown = blender.paint(placed, size, size, layer => pictures[layer.number], background)
  const context = new OffscreenCanvas(...size).getContext('2d')
  context.drawImage(shown, 0, 0)
  return [...context.getImageData(0, 0, ...size).data]
}
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """A page that has the modules of web/ and nothing else."""
    if reason := chromium_browser.missing():
        pytest.skip(reason)
    with chromium_browser.chromium("--use-angle=swiftshader", "--enable-unsafe-swiftshader") as browser:
        page = browser.new_page()
        page.route(ORIGIN + "web/**", _module)
        page.route(ORIGIN, lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto(ORIGIN)
        yield page


def _module(route: Any) -> None:
    file = PACK / route.request.url.removeprefix(ORIGIN)
    route.fulfill(body=file.read_text(), content_type="text/javascript")


def colours(seed: int, alpha: bool = False) -> Tensor:
    """uint8 [SIDE, SIDE, 4], the corners of the cube, greys and the threshold among them."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (SIDE, SIDE, 4), generator=generator, dtype=torch.uint8)
    known = torch.tensor(
        [[0, 0, 0], [255, 255, 255], [128, 128, 128], [255, 0, 0], [0, 255, 255], [64, 64, 64]]
    )
    pixels.view(-1, 4)[: len(known), :3] = known[torch.randperm(len(known), generator=generator)]
    pixels[..., 3] = 255
    if alpha:
        pixels[:, ::2, 3] = 0
    return pixels


def shown(page: Any, layers: list[tuple[Tensor, dict[str, object]]], background: Any = None) -> Tensor:
    size = [layers[0][0].shape[1], layers[0][0].shape[0]]
    given = [
        {
            "pixels": pixels.flatten().tolist(),
            "size": [pixels.shape[1], pixels.shape[0]],
            "placement": placement,
        }
        for pixels, placement in layers
    ]
    data = page.evaluate(PAINT, {"layers": given, "size": size, "background": background})
    if data is None:
        pytest.skip("this Chromium has no WebGL2")
    return torch.tensor(data, dtype=torch.float32).view(size[1], size[0], 4)


def expected(layers: list[tuple[Tensor, dict[str, Any]]], background: Any = None) -> Tensor:
    height, width = layers[0][0].shape[:2]
    placed = []
    for pixels, fields in layers:
        placement = Placement(**{"fit": "none", **fields})
        image = pixels[None].float() / 255
        placed.append(
            Layer(
                image=image if (pixels[..., 3] < 255).any() else image[..., :3],
                box=Box(*place(placement, (pixels.shape[1], pixels.shape[0]), (width, height))),
                opacity=placement.opacity,
                blend_mode=placement.blend_mode,
                flip_h=placement.flip_h,
                flip_v=placement.flip_v,
                rotation=math.radians(placement.rotation),
            )
        )
    result = composite(Document(width, height, tuple(placed)), background)[0] * 255
    return (
        result if result.shape[2] == 4 else torch.cat([result, torch.full((height, width, 1), 255.0)], dim=2)
    )


@pytest.mark.parametrize("opacity", [1.0, 0.6])
@pytest.mark.parametrize("mode", BLEND_MODES)
def test_a_mode_gives_what_the_compositor_gives(page: Any, mode: str, opacity: float) -> None:
    layers = [(colours(1), {}), (colours(2), {"blend_mode": mode, "opacity": opacity})]
    assert (shown(page, layers) - expected(layers)).abs().max() <= 1.01


@pytest.mark.parametrize("mode", ["normal", "multiply", "screen"])
def test_a_transparent_canvas_is_covered_by_normal_alone(page: Any, mode: str) -> None:
    layers = [(colours(1, alpha=True), {}), (colours(2), {"blend_mode": mode, "opacity": 0.5})]
    found, wanted = shown(page, layers), expected(layers)
    seen = wanted[..., 3] > 0
    assert (found[..., 3] - wanted[..., 3]).abs().max() <= 1
    assert (found - wanted)[
        seen
    ].abs().max() <= 2.1  # a canvas of 8 bits halves its colours at an alpha of a half


def test_turns_flips_and_a_background_lie_as_the_compositors(page: Any) -> None:
    large = colours(3).repeat_interleave(8, 0).repeat_interleave(8, 1)
    half = colours(4).repeat_interleave(4, 0).repeat_interleave(4, 1)
    for placement in PLACEMENTS:
        layers = [(large, {"opacity": 0.5}), (half, placement)]
        found, wanted = shown(page, layers, [1, 0.5, 0]), expected(layers, (1.0, 0.5, 0.0))
        assert (found - wanted).abs().max() <= 1.5, placement
