/**
 * Every call to ComfyUI's page. Nothing else in this folder knows it, so that a change of ComfyUI's is made here, and
 * the stage serves other pages too.
 *
 * @typedef {import('./stage/scene.js').Scene} Scene
 * @typedef {import('./stage/stage.js').StageHost} StageHost
 * @typedef {import('./stage/stage.js').Memory & import('./stage/compare.js').Memory &
 *   import('./stage/shelf.js').Memory} Memory
 * @typedef {import('./stage/compare.js').CompareHost} CompareHost
 * @typedef {import('./stage/shelf.js').ShelfHost} ShelfHost
 * @typedef {{name: string, element: HTMLElement, height: number, idle: boolean, refresh(): void, watch(): void, remove(): void}} Part
 *   what is shown on a node
 */
import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { Painter } from './stage/painter.js'
import { Pictures } from './stage/pictures.js'
import { DEFAULTS } from './stage/placement.js'
import { STAGED, editBehind, fileChanges, readFiles, readScene } from './graph.js'
import { Brush } from './stage/brush.js'
import { LargeView } from './stage/large.js'
import { Stage } from './stage/stage.js'

const ROUTE = '/multi-edit/stage'
const PAINTED = 'image' // the widget of ComfyUI's mask editor
const PLACING = [...Object.keys(DEFAULTS), 'z_index', 'per_image']
const MOST_MEMORIES = 100

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
    ...largeHostOf(node),
    get memory() { return memoryOf(node) }, // the spread host has that of a node that is in no graph yet
    fold: scene => {
      fold(node, 'stage', Boolean(scene.idle))
      hidePlacing(node, Boolean(scene.settled))
    },
    enlarge: () => new LargeView(new Stage(largeHostOf(node), 'large')).open(),
  }
}

/** A host of what stays when an undo makes the node anew. @param {any} node @returns {StageHost} */
function largeHostOf(node) {
  return {
    read: () => readScene(current(node), memoryOf(node).ran),
    write: changes => write(current(node), changes),
    fold: () => {},
    sizeOf: async (sizing, [width, height]) => {
      const query = new URLSearchParams({ ...sizing, width: String(width), height: String(height) })
      const response = await api.fetchApi(`${ROUTE}/size?${query}`)
      const size = await response.json()
      return 'error' in size ? null : size
    },
    extension: async (extend, [width, height]) => {
      const query = new URLSearchParams({ extend, width: String(width), height: String(height) })
      const response = await api.fetchApi(`${ROUTE}/extension?${query}`)
      const added = await response.json()
      return 'error' in added ? null : added
    },
    compose: document => compose(node, document),
    ...commonOf(node),
    painter,
    get memory() { return memoryOf(node) },
  }
}

/** @param {any} node @returns {CompareHost} */
export function compareHostOf(node) {
  return { fold: idle => fold(node, 'result', idle), ...commonOf(node), get memory() { return memoryOf(node) } }
}

/** @param {any} node @returns {ShelfHost} */
export function shelfHostOf(node) {
  return {
    files: () => readFiles(node),
    choose: files => write(node, fileChanges(files)),
    upload,
    paint: number => paintMask(node, number),
    sync: () => syncPainted(node),
    ...commonOf(node),
    get memory() { return memoryOf(node) },
  }
}

/** Copy a file into the input folder; its name there. @param {File} file @returns {Promise<string | null>} */
async function upload(file) {
  const body = new FormData()
  body.append('image', file, file.name)
  return sent('/upload/image', body)
}

/** @param {string} route @param {FormData} body @returns {Promise<string | null>} */
async function sent(route, body) {
  const response = await api.fetchApi(route, { method: 'POST', body })
  if (!response.ok) return null
  const { name, subfolder, type } = await response.json()
  return `${subfolder ? `${subfolder}/` : ''}${name}${subfolder ? ` [${type}]` : ''}`
}

/** Open ComfyUI's mask editor for one file of a loader, or our own brush where it is not there. @param {any} node @param {number} number */
function paintMask(node, number) {
  const page = app.constructor
  const name = readFiles(node).find(each => each.number === number)?.name
  if (!name) return
  if (typeof page.open_maskeditor !== 'function') return brush(node, number, name)
  memoryOf(node).tile = number
  syncPainted(node)
  page.clipspace_return_node = node
  // Left set, it would hide the editor on every other node.
  try { page.open_maskeditor() } finally { page.clipspace_return_node = null }
}

/**
 * Give a loader the widget "image" that ComfyUI's mask editor reads and writes, also where a node's menu opens it:
 * without one what was painted is lost. It is no input either.
 * @param {any} node
 */
export function mendMaskEditor(node) {
  const widget = node.addWidget('text', PAINTED, '', () => {}, { serialize: false, hidden: true })
  Object.assign(widget, { serialize: false, hidden: true, seen: '' })
}

/** Hold that widget to the file of the tile that was used last, and take what was painted on it. @param {any} node */
function syncPainted(node) {
  const widget = node.widgets?.find((/** @type {any} */ each) => each.name === PAINTED)
  if (!widget) return
  const files = readFiles(node)
  const file = files.find(each => each.name && each.number === memoryOf(node).tile) ?? files[0]
  const painted = widget.value !== widget.seen && nameOf(widget.value)
  if (painted) write(node, fileChanges({ [file.number]: painted }))
  widget.seen = painted || file.name || ''
  if (widget.value !== widget.seen) widget.value = widget.seen
}

/** @param {any} painted the name of a file, or its reference */
function nameOf(painted) {
  if (!painted) return ''
  if (typeof painted === 'string') return painted
  const { filename, subfolder, type } = painted
  return `${subfolder ? `${subfolder}/` : ''}${filename} [${type ?? 'input'}]`
}

/** @param {any} node @param {number} number @param {string} name */
async function brush(node, number, name) {
  const picture = await pictures.fetch({ name, opaque: false })
  if (!picture) return
  const mask = await new Brush(picture, texts).open()
  if (!mask) return
  const body = new FormData()
  body.append('image', mask, `multi-edit-mask-${Date.now()}.png`)
  body.append('original_ref', JSON.stringify({ filename: name, type: 'input' }))
  body.append('subfolder', 'clipspace')
  const painted = await sent('/upload/mask', body)
  if (painted) write(node, fileChanges({ [number]: painted }))
}

/** @param {any} node */
function commonOf(node) {
  const lives = () => node.graph?.getNodeById(node.id) === node
  return { lives, key: () => String(node.id), text: (/** @type {string} */ key) => texts[key] ?? key, pictures }
}

/** Hide what a node shows, or make room for it. @param {any} node @param {string} name @param {boolean} idle */
function fold(node, name, idle) {
  const widget = node.widgets?.find((/** @type {any} */ each) => each.name === name)
  if (!widget || widget.hidden === idle) return
  widget.hidden = idle
  const least = node.computeSize()[1]
  if (!idle && node.size[1] < least) node.setSize([node.size[0], least])
}

/** Hide placement that does nothing, but what is wired; it keeps its values, and is saved and sent. @param {any} node @param {boolean} settled */
function hidePlacing(node, settled) {
  const wired = new Set(node.inputs?.flatMap((/** @type {any} */ input) => (input.link == null ? [] : input.name)))
  for (const widget of node.widgets ?? []) {
    if (!PLACING.includes(widget.name)) continue
    widget.hidden = settled && !wired.has(widget.name)
    // Nodes 2.0 sees a change only in the options that it made reactive.
    const options = widget._state?.options ?? widget.options
    if (options) options.hidden = widget.hidden
  }
  app.canvas?.setDirty(true, true)
}

/** @type {WeakMap<object, any>} */
const graphs = new WeakMap()

/** The node that is there today in the place of one. @param {any} node */
function current(node) {
  if (node.graph) graphs.set(node, node.graph)
  return (node.graph ? node : graphs.get(node)?.getNodeById(node.id)) ?? node
}

/** @param {any} node */
function placeOf(node) {
  return `${current(node).graph?.id ?? ''} ${node.id}`
}

/** @param {any} node @returns {Memory} */
function memoryOf(node) {
  const place = placeOf(node)
  const memory = memories.get(place) ?? { snap: true, focused: false }
  memories.delete(place)
  if (current(node).graph) memories.set(place, memory)
  for (const oldest of [...memories.keys()].slice(0, -MOST_MEMORIES)) memories.delete(oldest)
  return memory
}

/** Set widgets as one step that can be undone. @param {any} node @param {Record<string, unknown>} changes */
function write(node, changes) {
  app.canvas.emitBeforeChange()
  for (const [name, value] of Object.entries(changes)) {
    const widget = node.widgets.find((/** @type {any} */ each) => each.name === name)
    if (!widget) continue
    widget.value = value
    if (!STAGED.includes(node.comfyClass)) widget.callback?.(value, app.canvas, node)
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
 * Put a part on a node, below its widgets. It is no input: neither the workflow nor the prompt has it.
 * @param {any} node @param {Part} part
 */
export function attach(node, part) {
  const widget = node.addDOMWidget(part.name, `MULTIEDIT_${part.name.toUpperCase()}`, part.element, {
    serialize: false, hideOnZoom: false, getMinHeight: () => (part.idle ? 0 : part.height), getValue: () => '', setValue() {},
  })
  widget.serialize = false
  widget.hidden = part.idle
  passOn(part.element)
  for (const each of node.widgets) onEdit(each, () => part.refresh())
  const { onConfigure, onConnectionsChange, onExecuted, onRemoved } = node
  node.onExecuted = function (/** @type {any} */ output) {
    onExecuted?.call(this, output)
    keepResults(node, output)
    part.refresh()
  }
  node.onConfigure = function (/** @type {any[]} */ ...given) {
    onConfigure?.apply(this, given)
    requestAnimationFrame(() => part.watch())
  }
  node.onConnectionsChange = function (/** @type {any[]} */ ...given) {
    onConnectionsChange?.apply(this, given)
    queueMicrotask(() => part.refresh())
  }
  node.onRemoved = function () {
    onRemoved?.apply(this)
    part.remove()
  }
}

/** Remember what a run has left of a node. @param {any} node @param {any} output */
function keepResults(node, output) {
  const memory = memoryOf(node)
  const [ran] = output?.multiedit_stage ?? []
  const [result] = output?.multiedit_result ?? []
  if (ran) memory.ran = ran
  if (!result) return
  // A Multi-Edit before a Safe Mode shows what that lets through, whichever is told first.
  memory.result = result.after.length ? result : { ...result, after: memory.screened ?? [] }
  const edit = editBehind(node)
  const edited = edit && memoryOf(edit)
  if (!edited) return
  edited.screened = result.after
  if (edited.result) edited.result = { ...edited.result, after: result.after }
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
