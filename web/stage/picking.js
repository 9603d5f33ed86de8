/**
 * What lies under the pointer: a handle of the selected layer, or the topmost layer that shows there.
 *
 * @typedef {import('./placement.js').Point} Point
 * @typedef {import('./placement.js').Size} Size
 * @typedef {import('./placement.js').Box} Box
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {(number: number, u: number, v: number) => number} AlphaAt
 *   alpha 0..1 of a picture at a place of its unit square
 * @typedef {{kind: 'scale' | 'rotate', handle: Point, at: Point}} Handle `at` on the canvas
 */
import { place, toCanvas, toLayer } from './placement.js'
import { stacked } from './layers.js'

const SEEN = 0.05 // less alpha than this does not catch the pointer
/** @type {Point[]} */
const SIDES = [[-1, -1], [0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0]]

/**
 * The handles of a layer: eight to scale, one to rotate above its top.
 * @param {Box} box @param {number} rotation @param {number} distance of the rotate handle, in canvas pixels
 * @returns {Handle[]}
 */
export function handlesOf(box, rotation, distance) {
  const scales = SIDES.map(handle => ({
    kind: /** @type {const} */ ('scale'),
    handle,
    at: toCanvas([(handle[0] * box.width) / 2, (handle[1] * box.height) / 2], box, rotation),
  }))
  const above = toCanvas([0, -box.height / 2 - distance], box, rotation)
  return [{ kind: 'rotate', handle: [0, -1], at: above }, ...scales]
}

/** The nearest handle within reach. @param {Handle[]} handles @param {Point} point @param {number} reach */
export function handleAt(handles, point, reach) {
  const far = (/** @type {Handle} */ { at }) => Math.hypot(at[0] - point[0], at[1] - point[1])
  return handles.filter(each => far(each) <= reach).sort((a, b) => far(a) - far(b)).at(0)
}

/** @param {Layer[]} layers @param {Size} canvas @param {Point} point @param {AlphaAt} alphaAt @returns {Layer | undefined} */
export function layerAt(layers, canvas, point, alphaAt) {
  return stacked(layers).reverse().find(layer => {
    const { placement, size, number } = layer
    const box = place(placement, size, canvas)
    const [x, y] = toLayer(point, box, placement.rotation)
    const u = (placement.flip_h ? -x : x) / box.width + 0.5
    const v = (placement.flip_v ? -y : y) / box.height + 0.5
    const inside = u >= 0 && u < 1 && v >= 0 && v < 1
    return inside && placement.visible && placement.opacity > 0 && alphaAt(number, u, v) > SEEN
  })
}

/** Whether a point lies in a layer's turned box. @param {Layer} layer @param {Size} canvas @param {Point} point */
export function isInside({ placement, size }, canvas, point) {
  const box = place(placement, size, canvas)
  const [x, y] = toLayer(point, box, placement.rotation)
  return Math.abs(x) <= box.width / 2 && Math.abs(y) <= box.height / 2
}
