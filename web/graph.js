/**
 * What a node of ours shows, read from the graph: the images behind its sockets as far as they are files, and its
 * numbers. Works on any object of a litegraph node's shape and changes nothing.
 *
 * @typedef {import('./stage/scene.js').Scene} Scene
 * @typedef {import('./stage/scene.js').SceneLayer} SceneLayer
 * @typedef {import('./stage/pictures.js').PictureName} PictureName
 * @typedef {import('./stage/placement.js').Placement} Placement
 * @typedef {{node: any, slot: number}} Output
 */
import { placementOf, readEntries, stacked } from './stage/layers.js'
import { DEFAULTS } from './stage/placement.js'
import { COVER } from './stage/scene.js'

const [COMPOSE, EDIT, LOADER] = ['MultiEditCompose', 'MultiEditEdit', 'MultiEditLoadLayers']
const SAFE_MODE = 'MultiEditSafeMode'
export const STAGED = [COMPOSE, EDIT]
export const SHELVED = [LOADER]
export const COMPARED = [EDIT, SAFE_MODE, 'MultiEditSave', 'MultiEditCompare']
const [SUBGRAPH_INPUT, LAYERS_SLOT, INCOMING, EDIT_MASK] = [-10, 6, 0, -1]
const NO_FILE = ['none [temp]', 'none'] // as the list has it, and by hand
const LOADED = [1, 2, 3] // the images of a loader
const RUNS = 0 // the mode of a node that is neither muted nor bypassed
const BELOW = -1000 // numbers of layers that come from other nodes begin here
const MOST_STEPS = 30

/**
 * @param {any} node @param {Readonly<Record<string, string>>} ran names of what the last run gave, by image number
 * @returns {Scene}
 */
export function readScene(node, ran = {}) {
  const scene = node.comfyClass === COMPOSE ? composeScene(node, MOST_STEPS) : editScene(node)
  const layers = scene.layers.map(layer => withPicture(layer, ran))
  return scene.mask === null && ran[EDIT_MASK] ? { ...scene, layers, mask: { name: ran[EDIT_MASK], opaque: false } } : { ...scene, layers }
}

/** The Multi-Edit whose image a Safe Mode takes. @param {any} node */
export function editBehind(node) {
  const source = node.comfyClass === SAFE_MODE ? sourceOf(node, 'image') : null
  return source?.node.comfyClass === EDIT && source.slot === 0 ? source.node : null
}

/** What no file gives, the last run has given. @param {SceneLayer} layer @param {Readonly<Record<string, string>>} ran @returns {SceneLayer} */
function withPicture(layer, ran) {
  const name = ran[layer.number === BELOW ? INCOMING : layer.number]
  return layer.picture || !name ? layer : { ...layer, picture: { name, opaque: false } }
}

/** @param {any} node @param {string} name */
function valueOf(node, name) {
  return node.widgets?.find((/** @type {any} */ widget) => widget.name === name)?.value
}

/** The numbers of a node's widgets. @param {any} node @returns {import('./stage/layers.js').Numbers | null} */
function numbersOf(node) {
  const entries = readEntries(String(valueOf(node, 'per_image') ?? ''))
  const known = Object.keys(DEFAULTS).map(name => [name, valueOf(node, name)]).filter(([, value]) => value !== undefined)
  const shared = /** @type {Placement} */ ({ ...DEFAULTS, ...Object.fromEntries(known), z: valueOf(node, 'z_index') ?? 0 })
  return entries && { shared, entries }
}

/** @param {any} node @param {number} steps @returns {Scene} */
function composeScene(node, steps) {
  const incoming = layersBehind(node, steps)
  const connected = imagesOf(node)
  const numbers = numbersOf(node)
  const own = connected.map((image, at) => (incoming || at > 0 ? image : { ...image, fixed: COVER }))
  const kind = valueOf(node, 'canvas')
  const custom = kind === 'custom' ? [Number(valueOf(node, 'canvas.width')), Number(valueOf(node, 'canvas.height'))] : null
  return {
    canvas: /** @type {[number, number] | null} */ (custom) ?? incoming?.canvas ?? null,
    background: valueOf(node, 'background') === 'color' ? String(valueOf(node, 'background.color')) : null,
    layers: [...(incoming?.layers ?? []), ...own],
    numbers,
    settled: !connected.length && sourceOf(node, 'layers')?.node.comfyClass === COMPOSE,
  }
}

/** What comes in `layers`: of another Compose Layers, placed; of a loader, its base, and others to be placed here. @param {any} node @param {number} steps @returns {Scene | null} */
function layersBehind(node, steps) {
  const source = sourceOf(node, 'layers')
  if (!source) return isWired(node, 'layers') ? { canvas: null, background: null, layers: [{ number: BELOW, picture: null, fixed: COVER }], numbers: null } : null
  if (source.node.comfyClass === LOADER && source.slot === LAYERS_SLOT) return loadedScene(source.node)
  if (source.node.comfyClass === COMPOSE && steps > 0) return placedScene(composeScene(source.node, steps - 1))
  return { canvas: null, background: null, layers: [{ number: BELOW, picture: null, fixed: COVER }], numbers: null }
}

/** The files of a loader, as its shelf shows them. @param {any} loader @returns {import('./stage/shelf.js').Slot[]} */
export function readFiles(loader) {
  return LOADED.map(number => ({ number, name: fileOf(loader, (number - 1) * 2)?.name ?? null, optional: number > 1 }))
}

/** The widgets that put files on a shelf. @param {Record<number, string | null>} files */
export function fileChanges(files) {
  return Object.fromEntries(Object.entries(files).map(([number, name]) => [`image_${number}`, name ?? NO_FILE[0]]))
}

/** @param {any} loader @returns {Scene} */
function loadedScene(loader) {
  const files = LOADED.map(number => fileOf(loader, (number - 1) * 2)).filter(name => name !== null)
  const layers = files.map((picture, at) => ({ number: BELOW + at, picture, ...(at ? { shared: true } : { fixed: COVER }) }))
  return { canvas: null, background: null, layers, numbers: null }
}

/** A scene with every layer placed, numbered in its own order. @param {Scene} scene @returns {Scene} */
function placedScene(scene) {
  const { numbers } = scene
  const placed = scene.layers.map(layer => {
    const own = numbers && (layer.shared ? numbers.shared : placementOf(numbers, layer.number))
    return { ...layer, shared: undefined, placement: layer.fixed ?? own ?? COVER, size: /** @type {[number, number]} */ ([1, 1]) }
  })
  const layers = stacked(placed).map((layer, at) => {
    const { picture, placement } = /** @type {typeof placed[0]} */ (layer)
    return { number: BELOW + at, picture, fixed: placement }
  })
  return { ...scene, layers, numbers: null }
}

/** @param {any} node @returns {Scene} */
function editScene(node) {
  const model = valueOf(node, 'model')
  const composites = model === 'layer-composite'
  const numbers = numbersOf(node)
  const images = imagesOf(node)
  const overlays = images.slice(1).filter(({ number }) => isOverlay(numbers?.entries[number], composites))
  const base = images.slice(0, 1).map(image => ({ ...image, fixed: COVER }))
  const extend = String(valueOf(node, 'extend') ?? '').trim()
  const changes = isWired(node, 'mask') || extend !== ''
  return {
    canvas: null, background: null, layers: [...base, ...overlays], numbers, role: composites ? undefined : 'overlay',
    idle: !composites && !overlays.length && !changes, sizing: sizingOf(node, composites),
    ...(isWired(node, 'mask') ? { mask: maskOf(node) } : {}), ...(extend ? { extend } : {}),
  }
}

/** What the result's size follows from where it is not the base's. @param {any} node @param {boolean} composites @returns {Scene['sizing']} */
function sizingOf(node, composites) {
  const [ratio, tier] = [valueOf(node, 'model.aspect_ratio'), valueOf(node, 'model.resolution')]
  const own = !composites || valueOf(node, 'keep_size') || (ratio === 'auto' && tier === 'auto')
  return own ? undefined : { model: 'layer-composite', aspect_ratio: String(ratio), resolution: String(tier) }
}

/** @param {import('./stage/layers.js').Entry | undefined} entry @param {boolean} composites */
function isOverlay(entry, composites) {
  const placed = Object.keys(entry ?? {}).some(name => name !== 'role')
  return (entry?.role ?? (composites || placed ? 'overlay' : 'reference')) === 'overlay'
}

/** The connected image sockets in order. @param {any} node */
function imagesOf(node) {
  /** @type {SceneLayer[]} */
  const images = []
  for (const { name } of node.inputs ?? []) {
    const number = Number(/^image_(\d+)$/.exec(name)?.[1] ?? NaN)
    if (isWired(node, name) && number) images.push({ number, picture: pictureOf(node, name, `mask_${number}`) })
  }
  return images.sort((a, b) => a.number - b.number)
}

/** The file behind an image socket; null too where its mask is not that file's own. @param {any} node @param {string} name @param {string} mask */
function pictureOf(node, name, mask) {
  const source = sourceOf(node, name)
  if (!source) return null
  const masked = isWired(node, mask)
  const own = sourceOf(node, mask)
  if (masked && (own?.node !== source.node || own?.slot !== source.slot + 1)) return null
  return fileOf(source.node, source.slot, masked)
}

/** The file whose transparency is the edit mask. @param {any} node @returns {PictureName | null} */
function maskOf(node) {
  const source = sourceOf(node, 'mask')
  const name = source && fileOf(source.node, source.slot - 1, true)
  return name ? { ...name, opaque: false } : null
}

/** The file that an output gives, where that is known before a run. @param {any} node @param {number} slot @param {boolean} masked @returns {PictureName | null} */
function fileOf(node, slot, masked = false) {
  const name = node.comfyClass === LOADER ? valueOf(node, `image_${slot / 2 + 1}`) : valueOf(node, 'image')
  const loads = node.comfyClass === LOADER ? slot % 2 === 0 : node.comfyClass === 'LoadImage' && slot === 0
  if (!loads || typeof name !== 'string' || !name || NO_FILE.includes(name)) return null
  // Load Image gives the colours alone, and the transparency as its mask.
  return { name, opaque: node.comfyClass === 'LoadImage' && !masked }
}

/** @param {any} node @param {string} name */
function isWired(node, name) {
  return node.inputs?.find((/** @type {any} */ input) => input.name === name)?.link != null
}

/** The output that an input is wired to, through reroutes and subgraphs. @param {any} node @param {string} name @returns {Output | null} */
function sourceOf(node, name) {
  const input = node.inputs?.find((/** @type {any} */ each) => each.name === name)
  return input?.link == null ? null : originOf(node.graph, input.link, MOST_STEPS)
}

/** @param {any} graph @param {number} id @param {number} steps @returns {Output | null} */
function originOf(graph, id, steps) {
  const link = graph?.getLink?.(id) ?? graph?.links?.[id]
  if (!link || steps <= 0) return null
  // The page's own ids are numbers, or text.
  if (Number(link.origin_id) === SUBGRAPH_INPUT) return outside(graph, link.origin_slot, steps - 1)
  const node = graph.getNodeById(link.origin_id)
  if (!node || node.mode !== RUNS) return null
  if (node.type === 'Reroute') return node.inputs[0]?.link == null ? null : originOf(graph, node.inputs[0].link, steps - 1)
  if (node.subgraph) {
    const inner = node.subgraph.outputs?.[link.origin_slot]?.linkIds?.[0]
    return inner == null ? null : originOf(node.subgraph, inner, steps - 1)
  }
  return { node, slot: link.origin_slot }
}

/** What is wired to a subgraph's input from outside. @param {any} subgraph @param {number} slot @param {number} steps @returns {Output | null} */
function outside(subgraph, slot, steps) {
  const graphs = [subgraph.rootGraph, ...(subgraph.rootGraph?.subgraphs?.values() ?? [])]
  for (const graph of graphs) {
    const holder = graph?.nodes?.find((/** @type {any} */ node) => node.subgraph === subgraph)
    const link = holder?.inputs?.[slot]?.link
    if (link != null) return originOf(graph, link, steps)
  }
  return null
}
