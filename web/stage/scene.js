/**
 * What is on a stage: layers that other nodes have placed, and the overlays that this node places by its numbers.
 *
 * @typedef {import('./placement.js').Placement} Placement
 * @typedef {import('./placement.js').Size} Size
 * @typedef {import('./layers.js').Numbers} Numbers
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./layers.js').Writing} Writing
 * @typedef {import('./pictures.js').PictureName} PictureName
 * @typedef {import('./pictures.js').Pictures} Pictures
 * @typedef {{number: number, picture: PictureName | null, fixed?: Placement, shared?: boolean}} SceneLayer
 *   `number` of the image, negative for what comes in `layers`; `picture` is null before a run; `fixed` where this
 *   node does not place it; `shared` where the widgets alone do
 * @typedef {{
 *   canvas: Size | null, background: string | null, layers: SceneLayer[], numbers: Numbers | null, role?: string,
 *   idle?: boolean, settled?: boolean, sizing?: {model: string, aspect_ratio: string, resolution: string}, mask?: PictureName | null,
 *   extend?: string,
 * }} Scene `canvas` is null where it is the first layer's size; `numbers` where per_image is not valid; `idle` where
 *   the node places nothing; `settled` where it also shows what others placed; `sizing` where the canvas follows from the base's size and these; `mask` is the picture
 *   that is transparent where the edit changes, null before a run; `extend` is what the base is extended by, as text
 * @typedef {{left: number, top: number, right: number, bottom: number, fill: string}} Extension in pixels of the base
 */
import { DEFAULTS } from './placement.js'
import { placementOf, stacked } from './layers.js'

/** The placement of a base: it covers the canvas. */
export const COVER = Object.freeze({ ...DEFAULTS, fit: 'cover' })

/** @param {Scene} scene */
export function overlaysOf(scene) {
  return scene.layers.filter(layer => !layer.fixed)
}

/** @param {Scene} scene @returns {Writing} */
export function writingOf(scene) {
  return { alone: overlaysOf(scene).length === 1, role: scene.role }
}

/** The layers of a scene whose pictures are there, from the bottom. @param {Scene} scene @param {Pictures} pictures @param {Numbers} numbers */
export function layersOf(scene, pictures, numbers) {
  /** @type {Layer[]} */
  const layers = []
  for (const layer of scene.layers) {
    const size = layer.picture && pictures.get(layer.picture)?.size
    const placement = layer.fixed ?? (layer.shared ? numbers.shared : placementOf(numbers, layer.number))
    if (size) layers.push({ number: layer.number, size, placement })
  }
  return stacked(layers)
}

/** @param {Scene} scene @param {Pictures} pictures @returns {Size | null} null before the base's picture is there */
export function baseSizeOf(scene, pictures) {
  const base = scene.layers.at(0)?.picture
  return (base && pictures.get(base)?.size) ?? null
}

/** A base's size with what is added. @param {Size} base @param {Extension | null} added @returns {Size} */
export function extendedSize([width, height], added) {
  return added ? [added.left + width + added.right, added.top + height + added.bottom] : [width, height]
}

/**
 * A scene whose base lies in its extension, which covers the canvas as a base does.
 * @param {Scene} scene @param {Size} base @param {Extension} added @param {Size} canvas @returns {Scene}
 */
export function withExtension(scene, base, added, canvas) {
  const [width, height] = extendedSize(base, added)
  const scale = Math.max(canvas[0] / width, canvas[1] / height)
  const fixed = {
    ...DEFAULTS, fit: 'none', anchor: 'top-left', unit: 'pixels', scale,
    offset_x: (canvas[0] - width * scale) / 2 + added.left * scale,
    offset_y: (canvas[1] - height * scale) / 2 + added.top * scale,
  }
  const background = /^#[0-9a-f]{6}$/i.test(added.fill) ? added.fill : scene.background
  return { ...scene, background, layers: scene.layers.map((layer, at) => (at ? layer : { ...layer, fixed })) }
}

/**
 * What the compose route is asked for.
 * @param {Scene} scene @param {Layer[]} layers from the bottom @param {Size} canvas @param {number} side
 */
export function documentOf(scene, layers, canvas, side) {
  const names = new Map(scene.layers.map(layer => [layer.number, layer.picture]))
  return {
    canvas, side, background: scene.background,
    layers: layers.map(({ number, placement }) => ({ ...names.get(number), placement: shortened(placement) })),
  }
}

/** Without the fields that have their defaults. @param {Placement} placement */
function shortened(placement) {
  return Object.fromEntries(Object.entries(placement).filter(([name, value]) => value !== Reflect.get(DEFAULTS, name)))
}
