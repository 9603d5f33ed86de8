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
 *   idle?: boolean, settled?: boolean, sizing?: {model: string, aspect_ratio: string, resolution: string},
 * }} Scene `canvas` is null where it is the first layer's size; `numbers` where per_image is not valid; `idle` where
 *   the node places nothing; `settled` where it places nothing and shows what others placed; `sizing` where the canvas follows from the base's size and these
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
