"""Graphs on ComfyUI's page, and what a node of them shows after a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiedit.tests.support.browser import NEW_WORKFLOW, Canvas, run_kept

_POLL_MS = 200
_POLLS = 50
# [name, type, {widget: value}, {input: [name, slot]}], each after those that it is wired to.
_BUILD = (
    """
async nodes => {
"""
    + NEW_WORKFLOW
    + """
  const made = {}
  let x = 0
  for (const [name, type, values, wires] of nodes) {
    const node = made[name] = LiteGraph.createNode(type)
    node.pos = [x, 40]
    app.graph.add(node)
    await new Promise(requestAnimationFrame)
    for (const [name, value] of Object.entries(values)) {
      const widget = node.widgets.find(each => each.name === name)
      widget.value = value
      widget.callback?.(value)
    }
    for (const [name, [from, slot]] of Object.entries(wires))
      made[from].connect(slot, node, node.inputs.findIndex(each => each.name === name))
    x += node.size[0] + 40
  }
  await new Promise(done => setTimeout(done, 500))
  await app.extensionManager.command.execute('Comfy.Canvas.FitView')
  await new Promise(done => setTimeout(done, 900))
  const {changeTracker} = app.extensionManager.workflow.activeWorkflow
  ;(changeTracker.captureCanvasState ?? changeTracker.checkState).call(changeTracker)
  return Object.fromEntries(Object.entries(made).map(([name, node]) => [name, String(node.id)]))
}
"""
)
_PART = "app.graph.getNodeById(id).widgets.find(widget => widget.name === name).element"
_ROOT = f"const part = {_PART}, view = part.shadowRoot.querySelector('canvas')"
_SHOWS = f"""
([id, name]) => {{
  {_ROOT}
  return part.isConnected && part.style.display !== 'none' && view.offsetHeight > 0
}}
"""
_COLOUR = f"""
([id, name, x, y]) => {{
  {_ROOT}
  return [...view.getContext('2d').getImageData(x * view.width, y * view.height, 1, 1).data]
}}
"""
_BOUNDS = f"""
([id, name]) => {{
  {_ROOT}
  const {{left, top, width, height}} = view.getBoundingClientRect()
  return [left, top, width, height]
}}
"""
_WORDS = f"([id, name]) => {_PART}.shadowRoot.querySelector('output').textContent"
_NOTE = f"([id, name]) => {_PART}.shadowRoot.querySelector('p').textContent"
_CLICK = f'([id, name, label]) => {_PART}.shadowRoot.querySelector(`button[aria-label="${{label}}"]`).click()'

Nodes = Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, tuple[str, int]]]]


def build(canvas: Canvas, nodes: Nodes) -> dict[str, str]:
    """A new graph of nodes by name: type, widgets, wires; their ids."""
    return run_kept(canvas.page, _BUILD, [[name, *node] for name, node in nodes.items()])


class PartView:
    """What a node shows below its widgets: a `stage`, or the `result` of its last run.

    Places are shares of its width and height.
    """

    def __init__(self, canvas: Canvas, node: str, part: str = "result") -> None:
        self.canvas = canvas
        self.node = [node, part]

    @property
    def shows(self) -> bool:
        return self.canvas.page.evaluate(_SHOWS, self.node)

    def colour(self, x: float, y: float) -> tuple[int, ...]:
        """Red, green, blue and alpha."""
        return tuple(self.canvas.page.evaluate(_COLOUR, [*self.node, x, y]))

    def wait_for_colour(
        self, place: tuple[float, float], colour: tuple[int, int, int], within: int = 8
    ) -> None:
        for _ in range(_POLLS):
            found = self.colour(*place) if self.shows else (-1, -1, -1)
            if all(abs(a - b) <= within for a, b in zip(found, colour, strict=False)):
                return
            self.canvas.page.wait_for_timeout(_POLL_MS)
        raise AssertionError(f"the node shows {found} at {place}")

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.canvas.page.mouse
        mouse.move(*self._on_screen(start))
        mouse.down()
        mouse.move(*self._on_screen(end), steps=4)
        mouse.up()

    def _on_screen(self, place: tuple[float, float]) -> tuple[float, float]:
        left, top, width, height = self.canvas.page.evaluate(_BOUNDS, self.node)
        return left + place[0] * width, top + place[1] * height

    def click(self, label: str) -> None:
        """Press a button by its label."""
        self.canvas.page.evaluate(_CLICK, [*self.node, label])

    def words(self) -> str:
        return self.canvas.page.evaluate(_WORDS, self.node)

    def wait_for_note(self, words: str) -> None:
        """Wait until the stage says something about itself."""
        for _ in range(_POLLS):
            if words in self.canvas.page.evaluate(_NOTE, self.node):
                return
            self.canvas.page.wait_for_timeout(_POLL_MS)
        raise AssertionError(f"the stage says {self.canvas.page.evaluate(_NOTE, self.node)!r}")
