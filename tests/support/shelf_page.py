"""Load Layered Images with its shelf on ComfyUI's page, used by mouse, keys and dropped files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.part_view import build

MASK_EDITOR = "Comfy.MaskEditor.OpenMaskEditor"
_POLL_MS, _POLLS = 200, 75
_SETTLE_MS = 900  # the shelf looks for changes every 400 ms, and fetches pictures
# ComfyUI's editor has the image, the mask and the paint on canvases of the image's size.
_EDITOR_IS_OPEN = "[...document.querySelectorAll('canvas')].filter(each => each.width === 640).length >= 3"
_TILES = """
const tiles = id => [...app.graph.getNodeById(id).widgets.find(widget => widget.name === 'shelf')
  .element.shadowRoot.querySelectorAll('.tile')]
"""
_TEXT = f"""
([id, number]) => {{
  {_TILES}
  return [...tiles(id)[number - 1].querySelectorAll('span')].map(each => each.textContent).join(' ')
}}
"""
_HAS_PICTURE = f"""
([id, number]) => {{
  {_TILES}
  const view = tiles(id)[number - 1].querySelector('canvas')
  return view.getContext('2d').getImageData(view.width / 2, view.height / 2, 1, 1).data[3] === 255
}}
"""
_BOUNDS = f"""
([id, number]) => {{
  {_TILES}
  const {{left, top, width, height}} = tiles(id)[number - 1].querySelector('canvas').getBoundingClientRect()
  return [left + width / 2, top + height / 2]
}}
"""
_FOCUS = f"([id, number]) => {{ {_TILES}; tiles(id)[number - 1].focus() }}"
# Files of one colour each, given as a browser gives them.
_GIVE = f"""
async ([id, kind, number, names]) => {{
  {_TILES}
  const given = new DataTransfer()
  for (const [at, name] of names.entries()) {{
    const canvas = new OffscreenCanvas(40 + at, 30)
    canvas.getContext('2d').fillRect(0, 0, 40, 30)
    given.items.add(new File([await canvas.convertToBlob()], name, {{type: 'image/png'}}))
  }}
  const tile = tiles(id)[number - 1], how = {{bubbles: true, cancelable: true, composed: true}}
  tile.focus()
  if (kind === 'drop') {{
    tile.dispatchEvent(new DragEvent('dragover', {{...how, dataTransfer: given}}))
    tile.dispatchEvent(new DragEvent('drop', {{...how, dataTransfer: given}}))
  }} else tile.dispatchEvent(new ClipboardEvent('paste', {{...how, clipboardData: given}}))
}}
"""
_FILES = """
id => [1, 2, 3].map(number =>
  app.graph.getNodeById(id).widgets.find(widget => widget.name === `image_${number}`).value)
"""
_VIEW_MASK = """
([id, number]) => {
  const [mask, viewer] = ['MaskToImage', 'PreviewImage'].map(type => LiteGraph.createNode(type))
  for (const [at, node] of [mask, viewer].entries()) {
    node.pos = [900 + 300 * at, 40]
    app.graph.add(node)
  }
  app.graph.getNodeById(id).connect(2 * number - 1, mask, 0)
  mask.connect(0, viewer, 0)
  return String(viewer.id)
}
"""


class ShelfPage:
    """A Load Layered Images with up to three files; tiles are numbered from 1."""

    def __init__(self, canvas: Canvas, *files: str) -> None:
        self.canvas = canvas
        chosen = {f"image_{number}": file for number, file in enumerate(files, start=1)}
        self.node = build(canvas, {"loader": ("MultiEditLoadLayers", chosen, {})})["loader"]
        self.settle()

    def settle(self) -> None:
        self.canvas.page.wait_for_timeout(_SETTLE_MS)

    def _ask(self, script: str, *given: Any) -> Any:
        return self.canvas.page.evaluate(script, [self.node, *given])

    def files(self) -> list[str]:
        """The values of the three widgets."""
        return self.canvas.page.evaluate(_FILES, self.node)

    def text(self, number: int) -> str:
        return self._ask(_TEXT, number)

    def has_picture(self, number: int) -> bool:
        return self._ask(_HAS_PICTURE, number)

    def give(self, kind: str, number: int, names: list[str]) -> None:
        """Drop or paste images with these names on a tile."""
        self._ask(_GIVE, kind, number, names)

    def click(self, label: str) -> None:
        self.canvas.page.get_by_role("button", name=label, exact=True).first.click()

    def press(self, number: int, *keys: str) -> None:
        self._ask(_FOCUS, number)
        for key in keys:
            self.canvas.page.keyboard.press(key)

    def drag(self, start: int, end: int) -> None:
        """Drag a tile's picture onto another."""
        mouse = self.canvas.page.mouse
        mouse.move(*self._ask(_BOUNDS, start))
        mouse.down()
        mouse.move(*self._ask(_BOUNDS, end), steps=4)
        mouse.up()

    def undo(self) -> None:
        self.canvas.page.evaluate("async () => app.extensionManager.command.execute('Comfy.Undo')")
        self.settle()

    def view_mask(self, number: int) -> str:
        """Show the mask of a file after a run; the id of the node that does."""
        return self._ask(_VIEW_MASK, number)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        for _ in range(_POLLS):
            if holds():
                return
            self.canvas.page.wait_for_timeout(_POLL_MS)
        raise AssertionError(f"the files are {self.files()}")

    def wait_for(self, number: int, name: str) -> None:
        """Wait until a file has come."""
        self.wait_until(lambda: self.files()[number - 1] == name)

    def paint_in_comfyui(self) -> None:
        """Paint a stroke over the middle in ComfyUI's editor, and save."""
        self.canvas.page.wait_for_function(_EDITOR_IS_OPEN, timeout=60_000)
        self.settle()
        self._stroke(800, 450)
        self.settle()
        self.canvas.page.get_by_role("button", name="Save").first.click(timeout=60_000)

    def paint_in_ours(self) -> None:
        """Paint a stroke over the middle in our dialog, and save."""
        dialog = self.canvas.page.get_by_role("dialog", name="Paint the mask of image")
        bounds = dialog.locator("canvas").bounding_box()
        assert bounds is not None
        self._stroke(bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2)
        dialog.get_by_role("button", name="Save").click()

    def _stroke(self, x: float, y: float) -> None:
        mouse = self.canvas.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 60, y + 50, steps=20)
        mouse.up()

    @contextmanager
    def without_mask_editor(self) -> Iterator[None]:
        """As on a page whose frontend has none."""
        page = self.canvas.page
        page.evaluate("window.editor = app.constructor.open_maskeditor, app.constructor.open_maskeditor = 0")
        yield
        page.evaluate("() => { app.constructor.open_maskeditor = window.editor }")
