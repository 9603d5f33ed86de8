/**
 * The stage: an element that shows the layers of a node and changes its numbers by hand.
 *
 * It knows the node by a `StageHost` alone. During a gesture nothing is written; at its end all numbers are, as one
 * step that can be undone.
 *
 * @typedef {import('./placement.js').Placement} Placement
 * @typedef {import('./placement.js').Point} Point
 * @typedef {import('./placement.js').Size} Size
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./layers.js').Numbers} Numbers
 * @typedef {import('./scene.js').Scene} Scene
 * @typedef {import('./gestures.js').Gesture} Gesture
 * @typedef {import('./snapping.js').Guide} Guide
 * @typedef {{
 *   selected?: number | null, snap: boolean, focused: boolean, element?: HTMLElement, ran?: Record<string, string>,
 *   truth?: {of: string, bitmap: ImageBitmap},
 * }} Memory
 *   what outlives the element, which an undo makes anew; `selected` is null where the user wants no layer selected
 * @typedef {{
 *   read(): Scene,
 *   write(changes: Record<string, unknown>): void,
 *   fold(scene: Scene): void,
 *   sizeOf(sizing: NonNullable<Scene['sizing']>, base: Size): Promise<Size | null>,
 *   compose(document: object): Promise<Blob | null>,
 *   text(key: string): string,
 *   pictures: import('./pictures.js').Pictures,
 *   painter: import('./painter.js').Painter,
 *   memory: Memory,
 * }} StageHost
 */
import { makeBar } from './bar.js'
import { ROTATE_DISTANCE, fromElement, paintGround, paintLayers, paintMarks, viewOf } from './drawing.js'
import { keyChanges, startGesture, stepOf } from './gestures.js'
import { reordered, widgetChanges, withChanges } from './layers.js'
import { handleAt, handlesOf, isInside, layerAt } from './picking.js'
import { boundsOf, offsetsFor, place } from './placement.js'
import { baseSizeOf, documentOf, layersOf, overlaysOf, writingOf } from './scene.js'
import { linesOf } from './snapping.js'
import { STYLE } from './style.js'

const REACH = 8 // element pixels within which a handle is caught and a line snaps
const TRUTH_SIDE = 768
const TRUTH_AFTER_MS = 150
const WATCH_MS = 400

export class Stage {
  /** @param {StageHost} host */
  constructor(host) {
    this.host = host
    this.scene = host.read()
    /** @type {Numbers | null} what is shown, written or not */
    this.numbers = this.scene.numbers
    this.seen = ''
    /** @type {Layer[]} */
    this.layers = []
    /** @type {Size | null} */
    this.canvas = null
    /** @type {Size | null} the canvas of a scene with `sizing`, once it is known */
    this.sized = null
    /** @type {Gesture | null} */
    this.gesture = null
    /** @type {Guide[]} */
    this.guides = []
    this.timer = 0
    this.frame = 0
    this.element = document.createElement('div')
    this.view = document.createElement('canvas')
    this.note = document.createElement('p')
    this.bar = makeBar(this)
    this.restored = false
    this.build()
  }

  build() {
    const shadow = this.element.attachShadow({ mode: 'open' })
    const style = document.createElement('style')
    style.textContent = STYLE
    this.view.tabIndex = 0
    this.view.setAttribute('role', 'application')
    this.view.setAttribute('aria-label', this.host.text('stage'))
    shadow.append(style, this.view, this.note, this.bar.element)
    this.listen(this.view)
    new ResizeObserver(() => this.redraw()).observe(this.view)
    this.watcher = setInterval(() => this.watch(), WATCH_MS)
  }

  get memory() {
    return this.host.memory
  }

  /** Stop for good. */
  remove() {
    clearInterval(this.watcher)
    clearTimeout(this.timer)
  }

  /** See what other nodes have changed. */
  watch() {
    const { element, memory } = this
    // Nodes 2.0 goes on showing the element of a node that an undo has made anew.
    if (!element.isConnected && memory.element?.isConnected) memory.element.replaceWith(element)
    if (this.gesture || !element.isConnected || document.visibilityState !== 'visible') return
    memory.element = element
    if (!this.restored && memory.focused) this.view.focus({ preventScroll: true })
    this.restored = true
    this.refresh()
  }

  /** Read the node anew. */
  refresh() {
    const scene = this.host.read()
    const seen = JSON.stringify(scene)
    if (seen === this.seen) return
    this.seen = seen
    this.scene = scene
    this.element.style.display = scene.idle ? 'none' : ''
    this.host.fold(scene)
    this.show(scene.numbers)
    const names = scene.layers.flatMap(layer => layer.picture ?? [])
    Promise.all(names.map(name => this.host.pictures.fetch(name))).then(async () => {
      const base = baseSizeOf(scene, this.host.pictures)
      const sized = scene.sizing && base ? await this.host.sizeOf(scene.sizing, base) : null
      if (this.seen !== seen || this.gesture) return
      this.sized = sized
      this.show(scene.numbers)
    })
  }

  /** Show numbers, which need not be written. @param {Numbers | null} numbers */
  show(numbers) {
    this.numbers = numbers
    this.layers = numbers ? layersOf(this.scene, this.host.pictures, numbers) : []
    const base = baseSizeOf(this.scene, this.host.pictures)
    this.canvas = this.scene.canvas ?? (this.scene.sizing ? this.sized : base)
    const overlays = overlaysOf(this.scene).map(layer => layer.number)
    const { selected } = this.memory
    if (selected === undefined || (selected !== null && !overlays.includes(selected)))
      this.memory.selected = overlays.at(-1)
    this.redraw()
    if (!this.gesture) this.askForTruth()
  }

  get selected() {
    return this.overlays.find(layer => layer.number === this.memory.selected)
  }

  get overlays() {
    const placed = new Set(overlaysOf(this.scene).map(layer => layer.number))
    return this.layers.filter(layer => placed.has(layer.number))
  }

  /** @param {number | null} number */
  select(number) {
    this.memory.selected = number
    this.redraw()
  }

  /** Write changes of the selected layer as one step. @param {Partial<Placement>} changes */
  change(changes) {
    const { selected, numbers } = this
    if (!selected || !numbers) return
    this.write(this.changed(numbers, selected, changes))
  }

  /** @param {Numbers} numbers @param {Layer} layer @param {Partial<Placement>} changes */
  changed(numbers, layer, changes) {
    const writing = writingOf(this.scene)
    const shared = this.scene.layers.find(each => each.number === layer.number)?.shared
    return withChanges(numbers, layer.number, changes, shared ? { ...writing, alone: true } : writing)
  }

  /** Align the selected layer to another point, where it stays. @param {string} anchor */
  anchor(anchor) {
    const { selected, canvas } = this
    if (!selected || !canvas) return
    const { x, y } = place(selected.placement, selected.size, canvas)
    this.change({ anchor, ...offsetsFor({ ...selected.placement, anchor }, selected.size, canvas, [x, y]) })
  }

  /** Move the selected layer in the stack. @param {number} step */
  reorder(step) {
    if (!this.selected || !this.numbers) return
    this.write(reordered(this.numbers, this.overlays, this.selected.number, step, writingOf(this.scene)))
  }

  /** @param {Numbers} numbers */
  write(numbers) {
    if (!this.scene.numbers) return
    const changes = widgetChanges(this.scene.numbers, numbers)
    if (Object.keys(changes).length) this.host.write(changes)
    this.refresh()
    this.redraw()
  }

  // Pictures

  redraw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0
      this.draw()
    })
  }

  draw() {
    const { view, canvas } = this
    const [width, height] = [view.offsetWidth, view.offsetHeight]
    const ratio = window.devicePixelRatio || 1
    view.width = Math.max(1, width * ratio)
    view.height = Math.max(1, height * ratio)
    this.bar.update()
    this.note.textContent = this.problem()
    const context = view.getContext('2d')
    if (!context || !canvas || !width || !height) return
    context.scale(ratio, ratio)
    this.look = viewOf(canvas, width, height)
    this.paint(context, canvas, this.look, ratio)
    paintMarks(context, this.look, canvas, this.selected, this.guides)
  }

  /** @param {CanvasRenderingContext2D} context @param {Size} canvas @param {import('./drawing.js').View} look @param {number} ratio */
  paint(context, canvas, look, ratio) {
    const pictureOf = (/** @type {Layer} */ { number }) => this.pictureOf(number)
    context.save()
    context.globalAlpha = 0.3 // what lies outside of the output
    context.translate(look.left, look.top)
    context.scale(look.zoom, look.zoom)
    paintLayers(context, this.overlays, canvas, pictureOf)
    context.restore()
    paintGround(context, look, canvas)
    context.save()
    context.beginPath()
    context.rect(look.left, look.top, canvas[0] * look.zoom, canvas[1] * look.zoom)
    context.clip()
    const truth = this.memory.truth
    if (truth && truth.of === this.wanted())
      context.drawImage(truth.bitmap, look.left, look.top, canvas[0] * look.zoom, canvas[1] * look.zoom)
    else
      this.host.painter.paint(context, this.layers, canvas, look, ratio, pictureOf, this.scene.background)
    context.restore()
  }

  /** @param {number} number */
  pictureOf(number) {
    const name = this.scene.layers.find(layer => layer.number === number)?.picture
    return (name && this.host.pictures.get(name)) ?? undefined
  }

  /** What to tell about a stage that does not show all. */
  problem() {
    const { text, pictures } = this.host
    if (!this.scene.numbers) return text('badNumbers')
    if (!this.scene.layers.length) return text('noImages')
    if (this.scene.layers.some(layer => !layer.picture)) return text('afterRun')
    if (this.scene.layers.some(({ picture }) => picture && pictures.get(picture) === null)) return text('noFile')
    return overlaysOf(this.scene).length ? '' : text('noOverlay')
  }

  /** The document of what is shown, as text; empty where a picture is missing. */
  wanted() {
    if (!this.canvas || this.layers.length < this.scene.layers.length) return ''
    return JSON.stringify(documentOf(this.scene, this.layers, this.canvas, TRUTH_SIDE))
  }

  askForTruth() {
    clearTimeout(this.timer)
    this.timer = window.setTimeout(async () => {
      const of = this.wanted()
      if (!of || this.memory.truth?.of === of) return
      const blob = await this.host.compose(JSON.parse(of))
      if (!blob) return
      this.memory.truth = { of, bitmap: await createImageBitmap(blob) }
      this.redraw()
    }, TRUTH_AFTER_MS)
  }

  // Hands

  /** @param {HTMLCanvasElement} view */
  listen(view) {
    view.addEventListener('pointerdown', event => this.press(event))
    view.addEventListener('pointermove', event => this.move(event))
    view.addEventListener('pointerup', () => this.release(true))
    view.addEventListener('pointercancel', () => this.release(false))
    view.addEventListener('keydown', event => this.key(event))
    view.addEventListener('focus', () => { this.memory.focused = true })
    view.addEventListener('blur', () => { if (view.isConnected) this.memory.focused = false })
  }

  /** The output's point under a pointer; the element may be scaled by the graph's zoom. @param {PointerEvent} event @returns {Point} */
  pointOf(event) {
    const bounds = this.view.getBoundingClientRect()
    const scale = bounds.width / this.view.offsetWidth || 1
    const look = this.look ?? { zoom: 1, left: 0, top: 0, width: 1, height: 1 }
    return fromElement(look, [(event.clientX - bounds.left) / scale, (event.clientY - bounds.top) / scale])
  }

  /** @param {PointerEvent} event */
  press(event) {
    const { canvas, look } = this
    if (event.button !== 0 || event.ctrlKey || event.metaKey || !canvas || !look) return
    event.stopPropagation()
    this.view.focus({ preventScroll: true })
    const point = this.pointOf(event)
    const started = this.handleUnder(point) ?? this.layerUnder(point)
    if (!started) return this.select(null)
    this.memory.selected = started.layer.number
    this.gesture = startGesture(started.kind, started.handle, started.layer, canvas, point)
    this.view.setPointerCapture(event.pointerId)
    this.redraw()
  }

  /** @param {Point} point @returns {{kind: Gesture['kind'], handle: Point, layer: Layer} | undefined} */
  handleUnder(point) {
    const { selected, canvas, look } = this
    if (!selected || !canvas || !look) return undefined
    const box = place(selected.placement, selected.size, canvas)
    const handles = handlesOf(box, selected.placement.rotation, ROTATE_DISTANCE / look.zoom)
    const found = handleAt(handles, point, REACH / look.zoom)
    return found && { kind: found.kind, handle: found.handle, layer: selected }
  }

  /** @param {Point} point @returns {{kind: Gesture['kind'], handle: Point, layer: Layer} | undefined} */
  layerUnder(point) {
    const { canvas, selected } = this
    if (!canvas) return undefined
    const alphaAt = (/** @type {number} */ number, /** @type {number} */ u, /** @type {number} */ v) =>
      this.pictureOf(number)?.alphaAt(u, v) ?? 0
    const layer = layerAt(this.overlays, canvas, point, alphaAt)
      ?? (selected && isInside(selected, canvas, point) ? selected : undefined)
    return layer && { kind: 'move', handle: [0, 0], layer }
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { gesture, scene, look } = this
    if (!gesture || !scene.numbers || !look) return
    const snaps = this.memory.snap && !event.altKey
    const step = stepOf(gesture, this.pointOf(event), {
      lines: snaps ? this.lines(gesture) : undefined, reach: REACH / look.zoom, straight: event.shiftKey,
    })
    this.guides = step.guides
    this.show(this.changed(scene.numbers, gesture.layer, step.changes))
  }

  /** @param {Gesture} gesture */
  lines({ layer, canvas }) {
    const others = this.overlays.filter(each => each.number !== layer.number && each.placement.visible)
    const bounds = others.map(each => boundsOf(place(each.placement, each.size, canvas), each.placement.rotation))
    return linesOf(canvas, bounds)
  }

  /** End a gesture; what it did is written, or dropped. @param {boolean} keep */
  release(keep) {
    if (!this.gesture) return
    this.gesture = null
    this.guides = []
    if (keep && this.numbers) this.write(this.numbers)
    this.show(this.scene.numbers)
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
    else if (key === 'PageUp') this.reorder(1)
    else if (key === 'PageDown') this.reorder(-1)
    else if (key === 'Tab') return this.selectNext(shiftKey ? -1 : 1)
    else {
      const changes = this.selected && this.canvas && keyChanges(key, shiftKey, this.selected, this.canvas)
      if (!changes) return false
      this.change(changes)
    }
    return true
  }

  /** @param {number} step @returns {boolean} false past the last layer, where Tab leaves the stage */
  selectNext(step) {
    const numbers = this.overlays.map(layer => layer.number)
    const to = numbers.indexOf(this.memory.selected ?? NaN) + step
    if (to < 0 || to >= numbers.length) return false
    this.select(numbers[to])
    return true
  }
}
