"""Graphs of every node with random values and links, made and compared in ComfyUI's own page."""

from __future__ import annotations

import json
from typing import Any

from multiedit.tests.support.browser import NEW_WORKFLOW, Canvas, run_kept

# Give what no node of the pack does, and what only those give that come later in the graph.
SOURCES = [
    "EmptyImage", "SolidMask", "PrimitiveString", "PrimitiveInt", "PrimitiveFloat", "PrimitiveBoolean",
    "MultiEditLoadLayers", "MultiEditLoadModel",
]  # fmt: skip
LINKABLE = ["STRING", "INT", "FLOAT", "BOOLEAN"]  # no node gives a combo's option, or a colour
_SETTLE_MS = 700  # Nodes 2.0 mounts its components, and dynamic sockets grow, in later frames

# A node with its widgets set, round by round another option of each dynamic combo, and then at random.
_FILL = (
    """
async ({types, given, round}) => {
  let state = 7919 * (round + 1)
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647
  const pick = list => list[Math.floor(random() * list.length)]
  const frame = () => new Promise(requestAnimationFrame)
  const texts = ['a "quoted" text', 'two\\nlines', 'x', '{"2": {"scale": 0.5}}', 'none', '7']
  const next = widget => {
    const {values, min = 0, max = 1, round: step, step2} = widget.options ?? {}
    if (widget.type === 'combo') {
      const list = typeof values === 'function' ? values(widget) : values
      return widget.dynamic ? list[round % list.length] : pick(list)
    }
    if (widget.type === 'toggle') return random() < 0.5
    if (widget.type === 'color') return '#' + Math.floor(random() * 0xffffff).toString(16).padStart(6, '0')
    if (['text', 'string', 'customtext', 'textarea'].includes(widget.type)) return pick(texts)
    if (widget.type === 'number' || widget.type === 'slider') {
      const grid = step || step2 || 1
      const value = min + random() * (Math.min(max, min + 1e6) - min)
      return Number((Math.round(value / grid) * grid).toFixed(6))
    }
    throw new Error(`no value for a widget ${widget.type} (${widget.name})`)
  }
  const kept = node => (node.widgets ?? []).filter(
    widget => widget.serialize !== false && widget.type !== 'button')
"""
    + NEW_WORKFLOW
    + """
  const add = (type, at) => {
    const node = LiteGraph.createNode(type)
    node.pos = [420 * (at % 6), 900 * Math.floor(at / 6)]
    app.graph.add(node)
    node.title = `${type} ${at}`
    return node
  }
  const sources = given.map(add)
  const nodes = [...types, ...types].map((type, at) => add(type, at + sources.length))
  await frame()
  for (const node of nodes) {
    const set = new Set()
    for (let widget; (widget = kept(node).find(each => !set.has(each.name)));) {
      set.add(widget.name)
      const combos = node.constructor.nodeData.inputs
      widget.dynamic = combos[widget.name]?.type === 'COMFY_DYNAMICCOMBO_V3'
      const value = next(widget)
      widget.value = value
      widget.callback?.(value, app.canvas, node)
      if (widget.dynamic) await frame()
    }
  }
  // Every socket; and of the second node of each type every widget that takes a link.
  const takes = (input, node, place) => !input.widget
    || (place >= types.length && !node.widgets.find(widget => widget.name === input.name)?.dynamic)
  const free = (node, place) => node.inputs.findIndex(input => input.link == null
    && takes(input, node, place) && !tried.has(`${node.id} ${input.name}`))
  const tried = new Set()
  for (const [place, node] of nodes.entries()) {
    for (let slot; (slot = free(node, place)) >= 0;) {
      const input = node.inputs[slot]
      tried.add(`${node.id} ${input.name}`)
      const offers = [...sources, ...nodes.slice(0, place)].flatMap(from => from.outputs
        .map((output, at) => [from, at, output])
        .filter(([, , output]) => LiteGraph.isValidConnection(output.type, input.type)))
      if (!offers.length) continue
      const [from, at] = pick(offers)
      from.connect(at, node, slot)
      await frame()
    }
  }
}
"""
)

# By title: what the Run button would send of each node, and every value that is saved with it.
_STATE = """
async only => {
  const {output} = await app.graphToPrompt()
  const title = id => output[id]?._meta.title
  const asked = id => !only || only.includes(String(id))
  const state = {}
  for (const [id, node] of Object.entries(output)) {
    if (!asked(id)) continue
    for (const [name, value] of Object.entries(node.inputs))
      state[`${title(id)} sends ${name}`] = Array.isArray(value) ? `${title(value[0])} -> ${value[1]}` : value
  }
  const visit = graph => {
    for (const node of graph.nodes) {
      if (node.subgraph) visit(node.subgraph)
      else if (graph !== app.graph || asked(node.id))
        for (const widget of node.widgets ?? [])
          if (widget.serialize !== false) state[`${node.title} saves ${widget.name}`] = widget.value
    }
  }
  visit(app.graph)
  return state
}
"""
# By the title of the node: its sockets and, of a second one, the inputs of widgets that take a link.
_UNWIRED = """
({types, linkable, second}) => app.graph.nodes.filter(node => types.includes(node.type)).flatMap(node => {
  const takes = input => !input.widget
    || (Number(node.title.split(' ')[1]) >= second && linkable.includes(input.type))
  return node.inputs.filter(input => input.link == null && takes(input))
    .map(input => `${node.title} ${input.name}`)
})
"""
_COMMAND = "async name => app.extensionManager.command.execute(name)"
_CAPTURE = """
() => {
  const {changeTracker} = app.extensionManager.workflow.activeWorkflow
  ;(changeTracker.captureCanvasState ?? changeTracker.checkState).call(changeTracker)
}
"""
_CHANGE = """
() => {
  for (const node of app.graph.nodes) {
    for (const widget of node.widgets ?? []) {
      if (widget.type !== 'toggle') continue
      widget.value = !widget.value
      widget.callback?.(widget.value)
    }
  }
}
"""
_PASTE = """
({connectInputs, alone}) => {
  const before = new Set(app.graph.nodes.map(node => node.id))
  for (const group of alone ? app.graph.nodes.map(node => [node]) : [app.graph.nodes]) {
    app.canvas.copyToClipboard([...group])
    app.canvas.pasteFromClipboard({connectInputs})
  }
  return app.graph.nodes.map(node => node.id).filter(id => !before.has(id)).map(String)
}
"""
_SUBGRAPH = """
types => {
  const inner = app.graph.nodes.filter(node => types.includes(node.type))
  app.graph.convertToSubgraph(new Set(inner))
}
"""
_OPEN = "async graph => app.loadGraphData(graph)"


class PageGraph:
    """A graph of two nodes of each type on the canvas; all inputs of the second are wired, widgets too."""

    def __init__(self, canvas: Canvas, types: list[str]) -> None:
        self.page = canvas.page
        self.types = types

    def fill(self, round: int) -> None:
        """Make the graph anew, in a workflow of its own."""
        run_kept(self.page, _FILL, {"types": self.types, "given": SOURCES, "round": round})
        self.page.wait_for_timeout(_SETTLE_MS)

    def unwired(self) -> list[str]:
        """Every socket, and every input of a second node's widgets, to which nothing is wired."""
        asked = {"types": self.types, "linkable": LINKABLE, "second": self._second}
        return self.page.evaluate(_UNWIRED, asked)

    @property
    def _second(self) -> int:
        """The number in the title of the first node whose widgets are wired."""
        return len(SOURCES) + len(self.types)

    def without_wired_widgets(self, state: dict[str, Any]) -> dict[str, Any]:
        """A state without the nodes whose widgets are wired."""
        return {what: value for what, value in state.items() if int(what.split()[1]) < self._second}

    def saved(self) -> dict[str, Any]:
        """The workflow as it is saved."""
        return json.loads(self.page.evaluate("JSON.stringify(app.graph.serialize())"))

    def open(self, workflow: dict[str, Any]) -> None:
        """Open a saved workflow."""
        self._run(_OPEN, workflow)

    def state(self, only: list[str] | None = None) -> dict[str, Any]:
        """What would be sent and what is saved, by the titles of the nodes."""
        return self.page.evaluate(_STATE, only)

    def change(self) -> None:
        """Turn every switch, as one step that can be undone."""
        self.page.evaluate(_CAPTURE)
        self.page.evaluate(_CHANGE)
        self._run(_CAPTURE)

    def undo(self) -> None:
        self._run(_COMMAND, "Comfy.Undo")

    def redo(self) -> None:
        self._run(_COMMAND, "Comfy.Redo")

    def paste(self) -> list[str]:
        """Copy all and paste; the ids of the pasted ones."""
        return self._run(_PASTE, {"connectInputs": False, "alone": False})

    def duplicate(self) -> list[str]:
        """Copy each node by itself and paste it with its links; the ids of the copies."""
        return self._run(_PASTE, {"connectInputs": True, "alone": True})

    def fold(self) -> None:
        """Make a subgraph of all nodes but the sources."""
        self._run(_SUBGRAPH, self.types)

    def queue(self) -> dict[str, Any]:
        """Press the Run button; the workflow that it sends, which nobody carries out."""
        fulfilled = '{"prompt_id": "none", "number": 1, "node_errors": {}}'
        self.page.route("**/prompt", lambda route: route.fulfill(body=fulfilled))
        with self.page.expect_request("**/prompt") as request:
            self.page.get_by_test_id("queue-button").click()
        self.page.unroute("**/prompt")
        return request.value.post_data_json["extra_data"]["extra_pnginfo"]["workflow"]

    def _run(self, script: str, argument: Any = None) -> Any:
        result = self.page.evaluate(script, argument)
        self.page.wait_for_timeout(_SETTLE_MS)
        return result
