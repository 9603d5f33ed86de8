/**
 * What a drag, a turn of a handle or a key does to a layer's numbers. Pure: a gesture starts from what was there at
 * pointerdown and gives the changes for where the pointer is now.
 *
 * @typedef {import('./placement.js').Placement} Placement
 * @typedef {import('./placement.js').Point} Point
 * @typedef {import('./placement.js').Size} Size
 * @typedef {import('./placement.js').Box} Box
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./snapping.js').Lines} Lines
 * @typedef {import('./snapping.js').Guide} Guide
 * @typedef {{kind: 'move' | 'scale' | 'rotate', handle: Point, layer: Layer, canvas: Size, box: Box, from: Point}} Gesture
 *   `handle`: of a scale, -1, 0 or 1 for each side of the box
 * @typedef {{lines?: Lines, reach?: number, straight?: boolean}} Modifiers
 *   `lines` to snap to within `reach` pixels of the canvas; `straight` is the Shift key
 * @typedef {{changes: Partial<Placement>, guides: Guide[]}} Step
 */
import { centreOf, boundsOf, offsetsFor, place, rounded, toCanvas, turned } from './placement.js'
import { snapBox } from './snapping.js'

const STRAIGHT_DEGREES = 15

/**
 * @param {Gesture['kind']} kind @param {Point} handle @param {Layer} layer @param {Size} canvas @param {Point} from
 * @returns {Gesture}
 */
export function startGesture(kind, handle, layer, canvas, from) {
  return { kind, handle, layer, canvas, box: place(layer.placement, layer.size, canvas), from }
}

/** @param {Gesture} gesture @param {Point} to @param {Modifiers} modifiers @returns {Step} */
export function stepOf(gesture, to, modifiers = {}) {
  return { move, scale, rotate }[gesture.kind](gesture, to, modifiers)
}

/** @param {Gesture} gesture @param {Point} to @param {Modifiers} modifiers @returns {Step} */
function move({ layer, canvas, box, from }, to, { lines, reach = 0, straight }) {
  let [dx, dy] = [to[0] - from[0], to[1] - from[1]]
  if (straight) [dx, dy] = Math.abs(dx) > Math.abs(dy) ? [dx, 0] : [0, dy]
  const bounds = boundsOf({ ...box, x: box.x + dx, y: box.y + dy }, layer.placement.rotation)
  const snapped = lines ? snapBox(bounds, lines, reach) : { dx: 0, dy: 0, guides: [] }
  const corner = /** @type {Point} */ ([box.x + dx + snapped.dx, box.y + dy + snapped.dy])
  return { changes: offsetsFor(layer.placement, layer.size, canvas, corner), guides: snapped.guides }
}

/** The point opposite the handle stays. @param {Gesture} gesture @param {Point} to @param {Modifiers} modifiers @returns {Step} */
function scale({ layer, canvas, box, handle, from }, to, { lines, reach = 0 }) {
  const { placement, size } = layer
  const fixed = toCanvas([(-handle[0] * box.width) / 2, (-handle[1] * box.height) / 2], box, placement.rotation)
  const span = turned([handle[0] * box.width, handle[1] * box.height], placement.rotation)
  const length = Math.hypot(...span)
  const moved = ((to[0] - from[0]) * span[0] + (to[1] - from[1]) * span[1]) / length
  let factor = rounded('scale', placement.scale * Math.max(0, 1 + moved / length))
  if (lines) factor = snapScale(factor, layer, canvas, reach)
  const scaled = { ...placement, scale: factor }
  const now = place(scaled, size, canvas)
  const [ox, oy] = turned([(handle[0] * now.width) / 2, (handle[1] * now.height) / 2], placement.rotation)
  const corner = /** @type {Point} */ ([fixed[0] + ox - now.width / 2, fixed[1] + oy - now.height / 2])
  return { changes: { scale: factor, ...offsetsFor(scaled, size, canvas, corner) }, guides: [] }
}

/** The fitted size, or the picture's own pixels. @param {number} factor @param {Layer} layer @param {Size} canvas @param {number} reach */
function snapScale(factor, { placement, size }, canvas, reach) {
  const full = place({ ...placement, scale: 1 }, size, canvas).width
  const wanted = [1, rounded('scale', size[0] / full)]
  return wanted.find(value => Math.abs(value - factor) * full <= reach) ?? factor
}

/** @param {Gesture} gesture @param {Point} to @param {Modifiers} modifiers @returns {Step} */
function rotate({ layer, box, from }, to, { straight }) {
  const [x, y] = centreOf(box)
  const angle = Math.atan2(to[1] - y, to[0] - x) - Math.atan2(from[1] - y, from[0] - x)
  const degrees = layer.placement.rotation + (angle * 180) / Math.PI
  const stepped = straight ? Math.round(degrees / STRAIGHT_DEGREES) * STRAIGHT_DEGREES : degrees
  return { changes: { rotation: wrapped(stepped) }, guides: [] }
}

/** Degrees in -180..180. @param {number} degrees */
function wrapped(degrees) {
  return rounded('rotation', ((((degrees + 180) % 360) + 360) % 360) - 180)
}

/** @type {Readonly<Record<string, Point>>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

/**
 * The changes that a key makes to a layer: arrows 1 pixel (Shift 10), + and - 1 %, [ and ] 1 degree (Shift 15),
 * H and V flip, 0 resets.
 * @param {string} key @param {boolean} shift @param {Layer} layer @param {Size} canvas
 * @returns {Partial<Placement> | null} null for a key that means nothing here
 */
export function keyChanges(key, shift, { placement, size }, canvas) {
  const box = place(placement, size, canvas)
  if (key in ARROWS) {
    const pixels = shift ? 10 : 1
    const [dx, dy] = ARROWS[key]
    return offsetsFor(placement, size, canvas, [box.x + dx * pixels, box.y + dy * pixels])
  }
  const degrees = shift ? STRAIGHT_DEGREES : 1
  switch (key.toLowerCase()) {
    case '+': case '=': return { scale: rounded('scale', placement.scale * 1.01 + 0.0005) }
    case '-': case '_': return { scale: rounded('scale', placement.scale / 1.01 - 0.0005) }
    case '[': case '{': return { rotation: wrapped(placement.rotation - degrees) }
    case ']': case '}': return { rotation: wrapped(placement.rotation + degrees) }
    case 'h': return { flip_h: !placement.flip_h }
    case 'v': return { flip_v: !placement.flip_v }
    case '0': return { offset_x: 0, offset_y: 0, scale: 1, rotation: 0, flip_h: false, flip_v: false }
    default: return null
  }
}
