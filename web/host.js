/**
 * Every call to ComfyUI's page. Nothing else in this folder knows it, so that a change of ComfyUI's is made here, and
 * the stage serves other pages too.
 *
 * @typedef {import('./stage/scene.js').Scene} Scene
 * @typedef {import('./stage/stage.js').StageHost} StageHost
 * @typedef {import('./stage/stage.js').Memory} Memory
 */
import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { Painter } from './stage/painter.js'
import { Pictures } from './stage/pictures.js'
import { DEFAULTS } from './stage/placement.js'
import { readScene } from './graph.js'

const ROUTE = '/multi-edit/stage'
const STAGE = 'stage'
const PLACING = [...Object.keys(DEFAULTS), 'z_index', 'per_image']
const MOST_MEMORIES = 100
const HEIGHT = 330 // of a stage with its bar, in pixels of the graph

/** @type {Map<string, Memory>} What stages remember, by the node's place: an undo makes all nodes anew. */
const memories = new Map()
const pictures = new Pictures(async ({ name, opaque }) => {
  const query = new URLSearchParams({ name, ...(opaque ? { opaque: '1' } : {}) })
  const response = await api.fetchApi(`${ROUTE}/picture?${query}`)
  if (!isImage(response)) return null
  const [width, height] = response.headers.get('x-size').split(',').map(Number)
  return { blob: await response.blob(), size: [width, height] }
})
const painter = new Painter()
/** @type {Record<string, string>} */
let texts = {}

/** @param {string} name @param {(node: any) => void} onNode called for each node that is made, before its values are set */
export function register(name, onNode) {
  app.registerExtension({ name, setup: loadTexts, nodeCreated: onNode })
}

async function loadTexts() {
  const response = await api.fetchApi('/i18n')
  const all = response.ok ? await response.json() : {}
  const locale = app.extensionManager.setting.get('Comfy.Locale')
  texts = { ...all.en?.multiEditStage, ...all[locale]?.multiEditStage }
}

/** @param {any} node @returns {StageHost} */
export function hostOf(node) {
  return {
    read: () => readScene(node, memoryOf(node).ran),
    write: changes => write(node, changes),
    fold: scene => fold(node, scene),
    sizeOf: async (sizing, [width, height]) => {
      const query = new URLSearchParams({ ...sizing, width: String(width), height: String(height) })
      const response = await api.fetchApi(`${ROUTE}/size?${query}`)
      const size = await response.json()
      return 'error' in size ? null : size
    },
    compose: document => compose(node, document),
    text: key => texts[key] ?? key,
    pictures,
    painter,
    get memory() { return memoryOf(node) },
  }
}

/** Show only what does something; what is hidden keeps its value, and is saved and sent. @param {any} node @param {Scene} scene */
function fold(node, scene) {
  const wired = new Set(node.inputs?.flatMap((/** @type {any} */ input) => (input.link == null ? [] : input.name)))
  for (const widget of node.widgets ?? []) {
    if (widget.name === STAGE) widget.hidden = Boolean(scene.idle)
    if (!PLACING.includes(widget.name)) continue
    widget.hidden = Boolean(scene.settled) && !wired.has(widget.name)
    // Nodes 2.0 sees a change only in the options that it made reactive.
    const options = widget._state?.options ?? widget.options
    if (options) options.hidden = widget.hidden
  }
  app.canvas?.setDirty(true, true)
}

/** @param {any} node */
function placeOf(node) {
  return `${node.graph?.id ?? ''} ${node.id}`
}

/** @param {any} node @returns {Memory} */
function memoryOf(node) {
  const place = placeOf(node)
  const memory = memories.get(place) ?? { snap: true, focused: false }
  memories.delete(place)
  if (node.graph) memories.set(place, memory)
  for (const oldest of [...memories.keys()].slice(0, -MOST_MEMORIES)) memories.delete(oldest)
  return memory
}

/** Set widgets as one step that can be undone. @param {any} node @param {Record<string, unknown>} changes */
function write(node, changes) {
  app.canvas.emitBeforeChange()
  for (const [name, value] of Object.entries(changes)) {
    const widget = node.widgets.find((/** @type {any} */ each) => each.name === name)
    if (widget) widget.value = value
  }
  app.canvas.emitAfterChange()
  app.canvas.setDirty(true, true)
}

/** @param {any} node @param {object} document @returns {Promise<Blob | null>} */
async function compose(node, document) {
  const response = await api.fetchApi(`${ROUTE}/compose?${new URLSearchParams({ stage: placeOf(node) })}`, {
    method: 'POST', body: JSON.stringify(document), headers: { 'Content-Type': 'application/json' },
  })
  return isImage(response) ? response.blob() : null
}

/** @param {Response} response which is JSON where the server says why there is none */
function isImage(response) {
  return response.headers.get('Content-Type')?.startsWith('image/') ?? false
}

/**
 * Put a stage on a node, below its widgets. It is no input: neither the workflow nor the prompt has it.
 * @param {any} node @param {import('./stage/stage.js').Stage} stage
 */
export function attach(node, stage) {
  const widget = node.addDOMWidget(STAGE, 'MULTIEDIT_STAGE', stage.element, {
    serialize: false, hideOnZoom: false, getMinHeight: () => (stage.scene.idle ? 0 : HEIGHT), getValue: () => '', setValue() {},
  })
  widget.serialize = false
  passOn(stage.element)
  for (const each of node.widgets) onEdit(each, () => stage.refresh())
  const { onConfigure, onConnectionsChange, onExecuted, onRemoved } = node
  node.onExecuted = function (/** @type {any} */ output) {
    onExecuted?.call(this, output)
    const [ran] = output?.multiedit_stage ?? []
    if (ran) memoryOf(node).ran = ran
    stage.refresh()
  }
  node.onConfigure = function (/** @type {any[]} */ ...given) {
    onConfigure?.apply(this, given)
    requestAnimationFrame(() => stage.watch())
  }
  node.onConnectionsChange = function (/** @type {any[]} */ ...given) {
    onConnectionsChange?.apply(this, given)
    queueMicrotask(() => stage.refresh())
  }
  node.onRemoved = function () {
    onRemoved?.apply(this)
    stage.remove()
  }
}

/** @param {any} widget @param {() => void} act */
function onEdit(widget, act) {
  const { callback } = widget
  widget.callback = function (/** @type {any[]} */ ...given) {
    const result = callback?.apply(this, given)
    act()
    return result
  }
}

/** Leave the wheel and the middle button to the graph; Nodes 2.0 takes them by itself. @param {HTMLElement} element */
function passOn(element) {
  const classic = () => !element.closest('[data-node-id]')
  element.addEventListener('wheel', event => {
    if (!classic()) return
    event.preventDefault()
    app.canvas.processMouseWheel(event)
  }, { passive: false })
  element.addEventListener('pointerdown', event => {
    if (event.button === 1 && classic()) app.canvas.processMouseDown(event)
  })
}
