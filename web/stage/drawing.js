/**
 * Draws a stage in 2D: the frame of the output, the layers, what is selected.
 *
 * @typedef {import('./placement.js').Box} Box
 * @typedef {import('./placement.js').Point} Point
 * @typedef {import('./placement.js').Size} Size
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./snapping.js').Guide} Guide
 * @typedef {{bitmap: ImageBitmap, size: Size, alphaAt: (u: number, v: number) => number}} Picture
 * @typedef {(layer: Layer) => Picture | undefined} PictureOf
 * @typedef {{zoom: number, left: number, top: number, width: number, height: number}} View
 *   canvas pixels times `zoom`, moved by `left` and `top`, are pixels of an element of `width` and `height`
 * @typedef {{factor: number, x: number, y: number}} Lens how often larger than the whole output, and moved by what
 */
import { handlesOf } from './picking.js'
import { matrixOf, place } from './placement.js'

const [ACCENT, GUIDE, KNOB] = ['#4aa8ff', '#ff5ca8', '#ffffff']
export const ROTATE_DISTANCE = 18 // element pixels
const [TINT, TINT_ALPHA] = ['#ff3b6b', 0.45]
const [LEAST_ZOOM, MOST_ZOOM] = [0.25, 32]
/** @type {Lens} */
export const NO_LENS = Object.freeze({ factor: 1, x: 0, y: 0 })
const MARGIN = 26 // around the output's frame, so that the handle to rotate shows
const KNOB_SIDE = 8
/** @type {Readonly<Record<string, GlobalCompositeOperation>>} The nearest mode that a 2D canvas has. */
const NEAREST_MODE = {
  normal: 'source-over', 'linear-dodge': 'lighter', 'linear-burn': 'multiply', 'vivid-light': 'hard-light',
  'pin-light': 'hard-light', 'linear-light': 'hard-light', 'hard-mix': 'hard-light', subtract: 'difference',
  divide: 'color-dodge', 'grain-extract': 'difference', 'grain-merge': 'overlay',
}

/** The view that shows all of an output. @param {Size} canvas @param {number} width @param {number} height @returns {View} */
export function viewOf(canvas, width, height) {
  const zoom = Math.max(1e-6, Math.min((width - 2 * MARGIN) / canvas[0], (height - 2 * MARGIN) / canvas[1]))
  return { zoom, left: (width - canvas[0] * zoom) / 2, top: (height - canvas[1] * zoom) / 2, width, height }
}

/**
 * A view enlarged about the middle of its element, and moved.
 * @param {View} view @param {Lens} lens @returns {View}
 */
export function lensed(view, { factor, x, y }) {
  const about = (/** @type {number} */ at, /** @type {number} */ length) => (at - length / 2) * factor + length / 2
  const left = about(view.left, view.width) + x
  return { ...view, zoom: view.zoom * factor, left, top: about(view.top, view.height) + y }
}

/**
 * A lens that is another step stronger, and keeps a point of the element where it is.
 * @param {Lens} lens @param {number} step 0 for none at all @param {Point} at from the middle of the element @returns {Lens}
 */
export function zoomed({ factor, x, y }, step, [dx, dy] = [0, 0]) {
  if (!step) return NO_LENS
  const to = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, factor * step))
  const grown = to / factor
  return { factor: to, x: dx + (x - dx) * grown, y: dy + (y - dy) * grown }
}

/** @param {View} view @param {Point} point of the element @returns {Point} of the output */
export function fromElement(view, [x, y]) {
  return [(x - view.left) / view.zoom, (y - view.top) / view.zoom]
}

/**
 * Layers over each other, with the modes and the light of a 2D canvas.
 * @param {CanvasRenderingContext2D} context in output pixels @param {Layer[]} layers from the bottom
 * @param {Size} canvas @param {PictureOf} pictureOf
 */
export function paintLayers(context, layers, canvas, pictureOf) {
  for (const layer of layers) {
    const picture = pictureOf(layer)
    const { placement } = layer
    if (!picture || !placement.visible) continue
    context.save()
    context.globalAlpha *= placement.opacity
    context.globalCompositeOperation = NEAREST_MODE[placement.blend_mode]
      ?? /** @type {GlobalCompositeOperation} */ (placement.blend_mode)
    context.transform(...matrixOf(place(placement, layer.size, canvas), placement))
    context.drawImage(picture.bitmap, 0, 0, 1, 1)
    context.restore()
  }
}

/** The frame's checkerboard, where nothing covers it. @param {CanvasRenderingContext2D} context @param {View} view @param {Size} canvas */
export function paintGround(context, view, canvas) {
  const [width, height, side] = [canvas[0] * view.zoom, canvas[1] * view.zoom, 8]
  context.save()
  context.beginPath()
  context.rect(view.left, view.top, width, height)
  context.clip()
  context.fillStyle = '#6a6a6a'
  context.fillRect(view.left, view.top, width, height)
  context.fillStyle = '#8a8a8a'
  for (let y = 0; y * side < height; y++)
    for (let x = y % 2; x * side < width; x += 2)
      context.fillRect(view.left + x * side, view.top + y * side, side, side)
  context.restore()
}

/**
 * The frame's edge, guides, and the box and handles of a layer.
 * @param {CanvasRenderingContext2D} context in element pixels @param {View} view @param {Size} canvas
 * @param {Layer | undefined} selected @param {Guide[]} guides
 */
export function paintMarks(context, view, canvas, selected, guides) {
  context.lineWidth = 1
  context.strokeStyle = '#00000080'
  context.strokeRect(view.left - 0.5, view.top - 0.5, canvas[0] * view.zoom + 1, canvas[1] * view.zoom + 1)
  context.strokeStyle = GUIDE
  for (const { axis, at } of guides) {
    const [x, y] = toElement(view, [at, at])
    line(context, axis === 'x' ? [[x, 0], [x, view.height]] : [[0, y], [view.width, y]])
  }
  if (selected) paintHandles(context, view, canvas, selected)
}

/**
 * Tint what an edit may change: what a mask selects, which lies over the base, and what is beyond the base.
 * @param {CanvasRenderingContext2D} context in element pixels, `ratio` device pixels each @param {View} view
 * @param {Size} canvas @param {Layer} base @param {Picture | null} mask @param {number} ratio
 */
export function paintSelection(context, view, canvas, base, mask, ratio) {
  const [width, height] = canvas.map(side => Math.max(1, Math.round(side * view.zoom * ratio)))
  const tint = new OffscreenCanvas(width, height)
  const ink = tint.getContext('2d')
  if (!ink) return
  ink.fillStyle = TINT
  ink.fillRect(0, 0, width, height)
  ink.scale(width / canvas[0], height / canvas[1])
  ink.transform(...matrixOf(place(base.placement, base.size, canvas), base.placement))
  ink.globalCompositeOperation = 'destination-out'
  if (mask) ink.drawImage(mask.bitmap, 0, 0, 1, 1)
  else ink.fillRect(0, 0, 1, 1)
  context.save()
  context.globalAlpha *= TINT_ALPHA
  context.drawImage(tint, view.left, view.top, canvas[0] * view.zoom, canvas[1] * view.zoom)
  context.restore()
}

/** @param {View} view @param {Point} point @returns {Point} */
function toElement(view, [x, y]) {
  return [x * view.zoom + view.left, y * view.zoom + view.top]
}

/** @param {CanvasRenderingContext2D} context @param {Point[]} points */
function line(context, points) {
  context.beginPath()
  for (const [x, y] of points) context.lineTo(x, y)
  context.stroke()
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Size} canvas @param {Layer} layer */
function paintHandles(context, view, canvas, { placement, size }) {
  const box = place(placement, size, canvas)
  const handles = handlesOf(box, placement.rotation, ROTATE_DISTANCE / view.zoom)
  const at = handles.map(handle => toElement(view, handle.at))
  const [rotate, ...sides] = at
  context.strokeStyle = ACCENT
  context.lineWidth = 1.5
  line(context, [rotate, sides[1]])
  line(context, [...sides, sides[0]])
  context.fillStyle = KNOB
  for (const [index, [x, y]] of at.entries()) {
    context.beginPath()
    if (index === 0) context.arc(x, y, KNOB_SIDE / 2 + 1, 0, 7)
    else context.rect(x - KNOB_SIDE / 2, y - KNOB_SIDE / 2, KNOB_SIDE, KNOB_SIDE)
    context.fill()
    context.stroke()
  }
}
