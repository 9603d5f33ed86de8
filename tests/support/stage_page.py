"""A graph with a stage on ComfyUI's page, moved by mouse and keys as a user does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from multiedit.tests.support.browser import NEW_WORKFLOW, Canvas, run_kept

Point = tuple[float, float]
_SETTLE_MS = 900  # the stage looks for changes of other nodes every 400 ms, and fetches pictures

_BUILD = (
    """
async files => {
"""
    + NEW_WORKFLOW
    + """
  const add = (type, x, y) => {
    const node = LiteGraph.createNode(type)
    node.pos = [x, y]
    app.graph.add(node)
    return node
  }
  const stage = add('MultiEditCompose', 360, 40)
  files.forEach((file, at) => {
    const loader = add('LoadImage', 0, 40 + 360 * at)
    loader.widgets[0].value = file
    loader.connect(0, stage, stage.inputs.findIndex(input => input.name === `image_${at + 1}`))
  })
  const save = add('SaveImage', 800, 40)
  stage.connect(0, save, 0)
  return String(stage.id)
}
"""
)
_CAPTURE = """
() => {
  const {changeTracker} = app.extensionManager.workflow.activeWorkflow
  ;(changeTracker.captureCanvasState ?? changeTracker.checkState).call(changeTracker)
}
"""
_WIDGET = (
    "([id, name]) => app.canvas.graph.getNodeById(id).widgets.find(widget => widget.name === name).value"
)
_VALUES = """
id => app.canvas.graph.getNodeById(id).widgets.filter(widget => widget.serialize !== false)
  .map(widget => [widget.name, widget.value])
"""
# The stage's own arithmetic says where the output lies on the screen.
_VIEW = """
async (element, size) => {
  const {viewOf, ROTATE_DISTANCE} = await import('/extensions/multi-edit/stage/drawing.js')
  const {zoom, left, top} = viewOf(size, element.offsetWidth, element.offsetHeight)
  const bounds = element.getBoundingClientRect()
  const scale = bounds.width / element.offsetWidth
  return {zoom: zoom * scale, left: bounds.left + left * scale, top: bounds.top + top * scale,
    distance: ROTATE_DISTANCE / zoom}
}
"""
_BOX = """
async ([id, number, size, canvas]) => {
  const {DEFAULTS, place} = await import('/extensions/multi-edit/stage/placement.js')
  const {placementOf, readEntries} = await import('/extensions/multi-edit/stage/layers.js')
  const widgets = app.canvas.graph.getNodeById(id).widgets
  const value = name => widgets.find(widget => widget.name === name)?.value
  const shared = {...DEFAULTS}
  for (const name in shared) shared[name] = value(name) ?? shared[name]
  const placement = placementOf({shared, entries: readEntries(value('per_image'))}, number)
  const {x, y, width, height} = place(placement, size, canvas)
  return [x, y, width, height]
}
"""
_COLOUR = """
async (element, [x, y, size]) => {
  const {viewOf} = await import('/extensions/multi-edit/stage/drawing.js')
  const {zoom, left, top} = viewOf(size, element.offsetWidth, element.offsetHeight)
  const ratio = element.width / element.offsetWidth
  const at = [(left + x * zoom) * ratio, (top + y * zoom) * ratio].map(Math.round)
  return [...element.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3)
}
"""
_TRUE_COLOUR = """
async ([document, x, y]) => {
  const body = JSON.stringify(document)
  const blob = await (await fetch('/multi-edit/stage/compose', {method: 'POST', body})).blob()
  const context = new OffscreenCanvas(...document.canvas).getContext('2d')
  context.drawImage(await createImageBitmap(blob), 0, 0)
  return [...context.getImageData(x, y, 1, 1).data].slice(0, 3)
}
"""
_COPY = """
id => {
  app.canvas.copyToClipboard([app.graph.getNodeById(id)])
  app.canvas.pasteFromClipboard({connectInputs: true})
  return String(app.graph.nodes.at(-1).id)
}
"""
_CHOOSE = """
([at, file]) => {
  app.graph.nodes.filter(node => node.type === 'LoadImage')[at].widgets[0].value = file
}
"""
_EMPTY_IMAGE = """
([id, number, colour]) => {
  const stage = app.graph.getNodeById(id)
  const empty = LiteGraph.createNode('EmptyImage')
  app.graph.add(empty)
  empty.pos = [0, 900]
  empty.widgets.find(widget => widget.name === 'color').value = colour
  empty.connect(0, stage, stage.inputs.findIndex(input => input.name === `image_${number}`))
}
"""
_FOLLOW = """
id => {
  const first = app.graph.getNodeById(id)
  const second = LiteGraph.createNode('MultiEditCompose')
  second.pos = [1200, 40]
  app.graph.add(second)
  second.widgets.find(widget => widget.name === 'scale').value = 0.25
  first.connect(2, second, second.inputs.findIndex(input => input.name === 'layers'))
  return String(second.id)
}
"""
_SHOWN = """
id => {
  const node = app.graph.getNodeById(id)
  const element = document.querySelector(`[data-node-id="${id}"]`)
  const texts = element && new Set(element.innerText.split('\\n').map(line => line.trim()))
  const shows = widget => texts ? texts.has(widget.label ?? widget.name) : node.isWidgetVisible(widget)
  return node.widgets.filter(shows).map(widget => widget.name)
}
"""
_SENT = "async id => (await app.graphToPrompt()).output[id].inputs"
# The node inside a subgraph of its own, which is opened; its id there.
_ENTER = """
async id => {
  const {subgraph} = app.graph.convertToSubgraph(new Set([app.graph.getNodeById(id)]))
  app.canvas.setGraph(subgraph)
  return String(subgraph.nodes[0].id)
}
"""
_LEAVE = "() => app.canvas.setGraph(app.rootGraph ?? app.graph.rootGraph ?? app.graph)"
_THEME = "async name => app.extensionManager.setting.set('Comfy.ColorPalette', name)"
# Of each control: how bright its text is and what is behind it, 0 to 255.
_CONTRASTS = """
view => {
  const bright = colour => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number)
    return {alpha, value: (red + green + blue) / 3 * (colour.includes('color(') ? 255 : 1)}
  }
  const behind = element => {
    for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
      const {alpha, value} = bright(getComputedStyle(at).backgroundColor)
      if (alpha > 0.5) return value
    }
    return 255
  }
  return [...view.getRootNode().querySelectorAll('button:not([hidden]), select')]
    .map(each => [bright(getComputedStyle(each).color).value, behind(each)])
}
"""
_CONTROLS = """
view => [...view.getRootNode().querySelectorAll('canvas, button:not([hidden]), select, input')]
  .filter(each => each.type !== 'range')
  .map(each => [each.getAttribute('aria-label') ?? '', each.offsetWidth, each.offsetHeight])
"""
_OPAQUE = """
view => {
  const {data} = view.getContext('2d').getImageData(0, 0, view.width, view.height)
  return data.filter((value, at) => at % 4 === 3 && value === 255).length / (data.length / 4)
}
"""
SIZES = {"coffee.jpg": (600, 400), "galaxies.jpg": (640, 640), "cat.jpg": (451, 300)}


class StagePage:
    """One Compose Layers with its stage, and a loader for each file; the first is the base.

    Points are pixels of the output.
    """

    def __init__(self, canvas: Canvas, files: list[str]) -> None:
        self.canvas = canvas
        self.files = files
        self.node: str = run_kept(canvas.page, _BUILD, files)
        self.settle()
        self.command("Comfy.Canvas.FitView")  # an animation, after the nodes have their sizes
        canvas.page.evaluate(_CAPTURE)

    @property
    def view(self) -> Any:
        return self.canvas.page.locator("canvas[role=application]").first

    def settle(self) -> None:
        self.canvas.page.wait_for_timeout(_SETTLE_MS)

    def widget(self, name: str, node: str = "") -> Any:
        return self.canvas.page.evaluate(_WIDGET, [node or self.node, name])

    def state(self) -> list[Any]:
        """The values of all widgets that are saved, by name."""
        return self.canvas.page.evaluate(_VALUES, self.node)

    def box(self, number: int) -> tuple[int, int, int, int]:
        """Where the node's numbers put an image on the output."""
        size = SIZES[self.files[number - 1]]
        return tuple(self.canvas.page.evaluate(_BOX, [self.node, number, size, SIZES[self.files[0]]]))

    def rotate_handle(self, number: int) -> Point:
        x, y, width, _ = self.box(number)
        return x + width / 2, y - self._look["distance"]

    @property
    def _look(self) -> dict[str, float]:
        return self.view.evaluate(_VIEW, SIZES[self.files[0]])

    def _on_screen(self, point: Point) -> Point:
        look = self._look
        return look["left"] + point[0] * look["zoom"], look["top"] + point[1] * look["zoom"]

    def drag(self, start: Point, end: Point, halfway: Callable[[], bool] = lambda: True) -> None:
        """Drag with the mouse; `halfway` must hold before the button is released."""
        mouse = self.canvas.page.mouse
        mouse.move(*self._on_screen(start))
        mouse.down()
        mouse.move(*self._on_screen(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)))
        mouse.move(*self._on_screen(end), steps=3)
        assert halfway()
        mouse.up()

    def touch(self, start: Point, end: Point, halfway: Callable[[], bool] = lambda: True) -> None:
        """Drag with a finger; `halfway` must hold before it is lifted."""
        page = self.canvas.page
        session = page.context.new_cdp_session(page)

        def send(kind: str, *points: Point) -> None:
            places = [dict(zip("xy", self._on_screen(point), strict=True)) for point in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        send("touchStart", start)
        send("touchMove", middle)
        send("touchMove", end)
        assert halfway()
        send("touchEnd")
        session.detach()

    def enter_subgraph(self) -> None:
        """Fold the node into a subgraph, and open that."""
        self.node = self.canvas.page.evaluate(_ENTER, self.node)
        self.settle()
        self.command("Comfy.Canvas.FitView")

    def leave_subgraph(self) -> None:
        self.canvas.page.evaluate(_LEAVE)
        self.settle()

    @contextmanager
    def theme(self, name: str) -> Iterator[None]:
        """With a colour palette of ComfyUI's."""
        self.canvas.page.evaluate(_THEME, name)
        self.settle()
        yield
        self.canvas.page.evaluate(_THEME, "dark")

    def contrasts(self) -> list[tuple[float, float]]:
        """How bright each control's text is, and what is behind it."""
        return self.view.evaluate(_CONTRASTS)

    def controls(self) -> list[tuple[str, int, int]]:
        """The name, width and height of each control."""
        return self.view.evaluate(_CONTROLS)

    def opaque_share(self, view: Any) -> float:
        """How much of a stage the output covers."""
        return view.evaluate(_OPAQUE)

    def hold(self, key: str) -> None:
        self.canvas.page.keyboard.down(key)

    def let_go(self, key: str) -> None:
        self.canvas.page.keyboard.up(key)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.view.press(key)

    def click(self, label: str) -> None:
        self.canvas.page.get_by_role("button", name=label, exact=True).first.click()

    def choose(self, label: str, value: str) -> None:
        self.canvas.page.get_by_label(label, exact=True).first.select_option(value)

    def words(self) -> str:
        """What the bar says of the selected layer."""
        return self.canvas.page.locator("output").first.inner_text()

    def command(self, name: str) -> None:
        self.canvas.page.evaluate("async name => app.extensionManager.command.execute(name)", name)
        self.settle()

    def saved(self) -> dict[str, Any]:
        return json.loads(self.canvas.page.evaluate("JSON.stringify(app.graph.serialize())"))

    def open(self, workflow: dict[str, Any]) -> None:
        self.canvas.page.evaluate("async graph => app.loadGraphData(graph)", workflow)
        self.settle()

    def duplicate(self) -> str:
        """Copy the node with its links; the id of the copy."""
        copy = self.canvas.page.evaluate(_COPY, self.node)
        self.settle()
        return copy

    def follow(self) -> None:
        """Go on with another Compose Layers, of scale 0.25, which gets the layers of this one alone."""
        self.node = self.canvas.page.evaluate(_FOLLOW, self.node)
        self.settle()

    def shown(self) -> set[str]:
        """The names of the widgets that the node shows; in Nodes 2.0 as its element has them."""
        return set(self.canvas.page.evaluate(_SHOWN, self.node))

    def sent(self) -> dict[str, Any]:
        """What the Run button would send of the node."""
        return self.canvas.page.evaluate(_SENT, self.node)

    def set_loader(self, number: int, file: str) -> None:
        """Choose another file in a loader, as its list does."""
        self.files[number - 1] = file
        self.canvas.page.evaluate(_CHOOSE, [number - 1, file])

    def use_empty_image(self, number: int, colour: int) -> None:
        """Wire an image that a node makes in the place of a loader's."""
        self.canvas.page.evaluate(_EMPTY_IMAGE, [self.node, number, colour])

    def note(self) -> str:
        """What the stage says about itself."""
        return self.view.evaluate("canvas => canvas.getRootNode().querySelector('p').textContent")

    def wait_for_note(self, note: str) -> None:
        for _ in range(50):
            if self.note() == note:
                return
            self.canvas.page.wait_for_timeout(200)
        raise AssertionError(f"the stage says {self.note()!r}")

    def colour(self, point: Point) -> list[int]:
        """The colour that the stage shows."""
        return self.view.evaluate(_COLOUR, [*point, SIZES[self.files[0]]])

    def true_colour(self, point: Point, **placement: object) -> list[int]:
        """The colour that the compositor gives for a base and one overlay with a placement."""
        base, overlay = ({"name": file, "opaque": True} for file in self.files)
        layers = [{**base, "placement": {"fit": "cover"}}, {**overlay, "placement": placement}]
        document = {"canvas": SIZES[self.files[0]], "lossless": True, "layers": layers}
        return self.canvas.page.evaluate(_TRUE_COLOUR, [document, *point])
