/**
 * The hands on a stage: pointers and keys. During a gesture nothing is written; at its end all numbers are, as one
 * step that can be undone.
 *
 * @typedef {import('./placement.js').Point} Point
 * @typedef {import('./gestures.js').Gesture} Gesture
 * @typedef {import('./snapping.js').Guide} Guide
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./stage.js').Stage} Stage
 */
import { ROTATE_DISTANCE, fromElement } from './drawing.js'
import { keyChanges, startGesture, stepOf } from './gestures.js'
import { handleAt, handlesOf, isInside, layerAt } from './picking.js'
import { boundsOf, place } from './placement.js'
import { linesOf } from './snapping.js'

const REACH = 8 // element pixels within which a handle is caught and a line snaps

export class Hands {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage
    /** @type {Gesture | null} */
    this.gesture = null
    /** @type {Guide[]} */
    this.guides = []
  }

  /** @param {HTMLCanvasElement} view */
  listen(view) {
    view.addEventListener('pointerdown', event => this.press(event))
    view.addEventListener('pointermove', event => this.move(event))
    view.addEventListener('pointerup', () => this.release(true))
    view.addEventListener('pointercancel', () => this.release(false))
    view.addEventListener('keydown', event => this.key(event))
    view.addEventListener('focus', () => { this.stage.memory.focused = true })
    view.addEventListener('blur', () => { if (view.isConnected) this.stage.memory.focused = false })
  }

  /** The output's point under a pointer; the element may be scaled by the graph's zoom. @param {PointerEvent} event @returns {Point} */
  pointOf(event) {
    const bounds = this.stage.view.getBoundingClientRect()
    const scale = bounds.width / this.stage.view.offsetWidth || 1
    const look = this.stage.look ?? { zoom: 1, left: 0, top: 0, width: 1, height: 1 }
    return fromElement(look, [(event.clientX - bounds.left) / scale, (event.clientY - bounds.top) / scale])
  }

  /** @param {PointerEvent} event */
  press(event) {
    const { canvas, look } = this.stage
    if (event.button !== 0 || event.ctrlKey || event.metaKey || !canvas || !look || this.stage.resultPicture) return
    event.stopPropagation()
    this.stage.view.focus({ preventScroll: true })
    const point = this.pointOf(event)
    const started = this.handleUnder(point) ?? this.layerUnder(point)
    if (!started) return this.stage.select(null)
    this.stage.memory.selected = started.layer.number
    this.gesture = startGesture(started.kind, started.handle, started.layer, canvas, point)
    this.stage.view.setPointerCapture(event.pointerId)
    this.stage.redraw()
  }

  /** @param {Point} point @returns {{kind: Gesture['kind'], handle: Point, layer: Layer} | undefined} */
  handleUnder(point) {
    const { selected, canvas, look } = this.stage
    if (!selected || !canvas || !look) return undefined
    const box = place(selected.placement, selected.size, canvas)
    const handles = handlesOf(box, selected.placement.rotation, ROTATE_DISTANCE / look.zoom)
    const found = handleAt(handles, point, REACH / look.zoom)
    return found && { kind: found.kind, handle: found.handle, layer: selected }
  }

  /** @param {Point} point @returns {{kind: Gesture['kind'], handle: Point, layer: Layer} | undefined} */
  layerUnder(point) {
    const { canvas, selected } = this.stage
    if (!canvas) return undefined
    const alphaAt = (/** @type {number} */ number, /** @type {number} */ u, /** @type {number} */ v) =>
      this.stage.pictureOf(number)?.alphaAt(u, v) ?? 0
    const layer = layerAt(this.stage.overlays, canvas, point, alphaAt)
      ?? (selected && isInside(selected, canvas, point) ? selected : undefined)
    return layer && { kind: 'move', handle: [0, 0], layer }
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { gesture, stage: { scene, look } } = this
    if (!gesture || !scene.numbers || !look) return
    const snaps = this.stage.memory.snap && !event.altKey
    const step = stepOf(gesture, this.pointOf(event), {
      lines: snaps ? this.lines(gesture) : undefined, reach: REACH / look.zoom, straight: event.shiftKey,
    })
    this.guides = step.guides
    this.stage.show(this.stage.withChanges(scene.numbers, gesture.layer, step.changes))
  }

  /** @param {Gesture} gesture */
  lines({ layer, canvas }) {
    const others = this.stage.overlays.filter(each => each.number !== layer.number && each.placement.visible)
    const bounds = others.map(each => boundsOf(place(each.placement, each.size, canvas), each.placement.rotation))
    return linesOf(canvas, bounds)
  }

  /** End a gesture; what it did is written, or dropped. @param {boolean} keep */
  release(keep) {
    if (!this.gesture) return
    this.gesture = null
    this.guides = []
    if (keep && this.stage.numbers) this.stage.write(this.stage.numbers)
    this.stage.show(this.stage.scene.numbers)
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.handles(event)) return
    event.preventDefault()
    event.stopPropagation()
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  handles({ key, shiftKey }) {
    if (key === 'Escape' && this.gesture) this.release(false)
    else if (key === 'Enter' && this.stage.host.enlarge) this.stage.host.enlarge()
    else if (key === 'PageUp') this.stage.reorder(1)
    else if (key === 'PageDown') this.stage.reorder(-1)
    else if (key === 'Tab') return this.selectNext(shiftKey ? -1 : 1)
    else {
      const changes = this.stage.selected && this.stage.canvas && keyChanges(key, shiftKey, this.stage.selected, this.stage.canvas)
      if (!changes) return false
      this.stage.change(changes)
    }
    return true
  }

  /** @param {number} step @returns {boolean} false past the last layer, where Tab leaves the stage */
  selectNext(step) {
    const numbers = this.stage.overlays.map(layer => layer.number)
    const to = numbers.indexOf(this.stage.memory.selected ?? NaN) + step
    if (to < 0 || to >= numbers.length) return false
    this.stage.select(numbers[to])
    return true
  }
}
