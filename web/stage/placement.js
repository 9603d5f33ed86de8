/**
 * Where a layer goes: the arithmetic of pipelines/layers/placement.py, and its inverse.
 *
 * tests/web/placement_vectors.json holds both to the same numbers.
 *
 * @typedef {[number, number]} Size width and height in pixels
 * @typedef {[number, number]} Point in pixels, right and down positive
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{
 *   fit: string, anchor: string, offset_x: number, offset_y: number, unit: string, scale: number,
 *   rotation: number, flip_h: boolean, flip_v: boolean, opacity: number, blend_mode: string,
 *   seamless: boolean, z: number, visible: boolean,
 * }} Placement
 */

/** @type {Placement} */
export const DEFAULTS = {
  fit: 'contain', anchor: 'center', offset_x: 0, offset_y: 0, unit: 'percent', scale: 1, rotation: 0,
  flip_h: false, flip_v: false, opacity: 1, blend_mode: 'normal', seamless: false, z: 0, visible: true,
}

/** @type {Readonly<Record<string, [number, number]>>} Share of the free space left of and above a layer. */
export const ANCHORS = {
  'top-left': [0, 0], top: [0.5, 0], 'top-right': [1, 0],
  left: [0, 0.5], center: [0.5, 0.5], right: [1, 0.5],
  'bottom-left': [0, 1], bottom: [0.5, 1], 'bottom-right': [1, 1],
}

/** @type {Readonly<Record<string, [number, number]>>} */
export const RANGES = {
  offset_x: [-16384, 16384], offset_y: [-16384, 16384], scale: [0.001, 100], rotation: [-360, 360],
  opacity: [0, 1], z: [-1000, 1000],
}

/** @type {Readonly<Record<string, number>>} The decimals that the widgets keep. */
const DIGITS = { offset_x: 2, offset_y: 2, scale: 3, rotation: 2, opacity: 2, z: 0 }

/** Round as Python does: a half goes to the even neighbour. @param {number} value */
export function roundHalfEven(value) {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1
  return floor % 2 ? floor + 1 : floor
}

/** A field's value as its widget keeps it: rounded, inside its range. @param {string} field @param {number} value */
export function rounded(field, value) {
  const [low, high] = RANGES[field]
  const factor = 10 ** DIGITS[field]
  return Math.min(high, Math.max(low, Math.round(value * factor) / factor)) || 0 // no -0
}

/**
 * The size that `fit` gives, before scale and rounding.
 * @param {string} fit @param {Size} layer @param {Size} canvas @returns {Size}
 */
export function fittedSize(fit, [width, height], [canvasWidth, canvasHeight]) {
  if (fit === 'none') return [width, height]
  if (fit === 'stretch') return [canvasWidth, canvasHeight]
  const factors = [canvasWidth / width, canvasHeight / height]
  const factor = fit === 'contain' ? Math.min(...factors) : Math.max(...factors)
  return [width * factor, height * factor]
}

/**
 * The layer's unrotated box on the canvas, each side at least one pixel.
 * @param {Placement} placement @param {Size} layer @param {Size} canvas @returns {Box}
 */
export function place(placement, layer, canvas) {
  const [width, height] = fittedSize(placement.fit, layer, canvas)
    .map(side => Math.max(1, roundHalfEven(side * placement.scale)))
  const [shareX, shareY] = ANCHORS[placement.anchor]
  const percent = placement.unit === 'percent'
  const shiftX = percent ? (canvas[0] * placement.offset_x) / 100 : placement.offset_x
  const shiftY = percent ? (canvas[1] * placement.offset_y) / 100 : placement.offset_y
  const x = (canvas[0] - width) * shareX + shiftX
  const y = (canvas[1] - height) * shareY + shiftY
  return { x: Math.floor(x + 0.5), y: Math.floor(y + 0.5), width, height }
}

/**
 * The offsets that put the layer's box at a place, anchor and unit kept.
 * @param {Placement} placement @param {Size} layer @param {Size} canvas @param {Point} corner of the box
 * @returns {{offset_x: number, offset_y: number}}
 */
export function offsetsFor(placement, layer, canvas, [x, y]) {
  const box = place(placement, layer, canvas)
  const [shareX, shareY] = ANCHORS[placement.anchor]
  const shift = [x - (canvas[0] - box.width) * shareX, y - (canvas[1] - box.height) * shareY]
  const [offsetX, offsetY] = placement.unit === 'percent'
    ? [(shift[0] / canvas[0]) * 100, (shift[1] / canvas[1]) * 100]
    : shift
  return { offset_x: rounded('offset_x', offsetX), offset_y: rounded('offset_y', offsetY) }
}

/** @param {Box} box @returns {Point} */
export function centreOf(box) {
  return [box.x + box.width / 2, box.y + box.height / 2]
}

/** A vector turned clockwise by degrees. @param {Point} vector @param {number} degrees @returns {Point} */
export function turned([x, y], degrees) {
  const angle = (degrees * Math.PI) / 180
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)]
  return [x * cosine - y * sine, x * sine + y * cosine]
}

/**
 * A canvas point from the box's centre, along the layer's own sides.
 * @param {Point} point @param {Box} box @param {number} rotation degrees @returns {Point}
 */
export function toLayer(point, box, rotation) {
  const [x, y] = centreOf(box)
  return turned([point[0] - x, point[1] - y], -rotation)
}

/** The inverse of `toLayer`. @param {Point} local @param {Box} box @param {number} rotation @returns {Point} */
export function toCanvas(local, box, rotation) {
  const [x, y] = centreOf(box)
  const [dx, dy] = turned(local, rotation)
  return [x + dx, y + dy]
}

/**
 * The matrix (a, b, c, d, e, f of Canvas2D) from a picture's unit square to the canvas: flips, size, rotation, place.
 * @param {Box} box @param {Placement} placement @returns {[number, number, number, number, number, number]}
 */
export function matrixOf(box, placement) {
  const across = turned([placement.flip_h ? -box.width : box.width, 0], placement.rotation)
  const down = turned([0, placement.flip_v ? -box.height : box.height], placement.rotation)
  const [x, y] = centreOf(box)
  return [...across, ...down, x - (across[0] + down[0]) / 2, y - (across[1] + down[1]) / 2]
}

/**
 * The smallest upright rectangle around a turned box, not rounded.
 * @param {Box} box @param {number} rotation degrees @returns {Box}
 */
export function boundsOf(box, rotation) {
  const [x, y] = centreOf(box)
  const [ax, ay] = turned([box.width, 0], rotation).map(Math.abs)
  const [bx, by] = turned([0, box.height], rotation).map(Math.abs)
  const [width, height] = [ax + bx, ay + by]
  return { x: x - width / 2, y: y - height / 2, width, height }
}
