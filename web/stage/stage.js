/**
 * The stage: an element that shows the layers of a node and changes its numbers by hand.
 *
 * It knows the node by a `StageHost` alone.
 *
 * @typedef {import('./placement.js').Placement} Placement
 * @typedef {import('./placement.js').Size} Size
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./layers.js').Numbers} Numbers
 * @typedef {import('./scene.js').Scene} Scene
 * @typedef {import('./drawing.js').View} View
 * @typedef {{
 *   selected?: number | null, snap: boolean, focused: boolean, ran?: Record<string, string>,
 *   truth?: {of: string, bitmap: ImageBitmap}, result?: import('./compare.js').Result, shows?: boolean,
 * }} Memory
 *   what outlives the element, which an undo makes anew; `selected` is null where the user wants no layer selected,
 *   `shows` where the last run's result is shown
 * @typedef {{
 *   read(): Scene,
 *   write(changes: Record<string, unknown>): void,
 *   fold(scene: Scene): void,
 *   enlarge?(): void,
 *   extension(extend: string, base: Size): Promise<import('./scene.js').Extension | null>,
 *   sizeOf(sizing: NonNullable<Scene['sizing']>, base: Size): Promise<Size | null>,
 *   compose(document: object): Promise<Blob | null>,
 *   key(): string,
 *   lives(): boolean,
 *   text(key: string): string,
 *   pictures: import('./pictures.js').Pictures,
 *   painter: import('./painter.js').Painter,
 *   memory: Memory,
 * }} StageHost `key` tells nodes apart; `enlarge` opens a large view, where there is one
 */
import { makeBar } from './bar.js'
import { inside } from './compare.js'
import { NO_LENS, lensed, paintGround, paintLayers, paintMarks, paintSelection, viewOf, zoomed } from './drawing.js'
import { Hands } from './hands.js'
import { reordered, widgetChanges, withChanges } from './layers.js'
import { offsetsFor, place } from './placement.js'
import { baseSizeOf, documentOf, extendedSize, layersOf, overlaysOf, withExtension, writingOf } from './scene.js'
import { takePlace } from './places.js'
import { STYLE } from './style.js'

const TRUTH_SIDE = 768
const TRUTH_AFTER_MS = 150
const WATCH_MS = 400
const HEIGHT = 330 // with its bar, in pixels of the graph

export class Stage {
  height = HEIGHT
  lens = NO_LENS
  /** Called when what is shown has changed. */
  changed = () => {}

  /** @param {StageHost} host @param {string} name what its element is remembered by */
  constructor(host, name = 'stage') {
    this.host = host
    this.name = name
    this.scene = host.read()
    /** @type {Numbers | null} what is shown, written or not */
    this.numbers = this.scene.numbers
    this.seen = ''
    this.result = this.memory.result
    /** @type {Layer[]} */
    this.layers = []
    /** @type {Size | null} */
    this.canvas = null
    /** @type {Size | null} the canvas of a scene with `sizing` or `extend`, once it is known */
    this.sized = null
    this.unread = false
    /** @type {View | undefined} where the output lies on the element */
    this.look = undefined
    this.timer = 0
    this.frame = 0
    this.element = document.createElement('div')
    this.view = document.createElement('canvas')
    this.note = document.createElement('p')
    this.bar = makeBar(this)
    this.hands = new Hands(this)
    this.restored = false
    this.build()
  }

  build() {
    const shadow = this.element.attachShadow({ mode: 'open' })
    const style = document.createElement('style')
    style.textContent = `${STYLE} :host { min-height: ${HEIGHT - 10}px; }`
    this.view.tabIndex = 0
    this.view.setAttribute('role', 'application')
    this.view.setAttribute('aria-label', this.host.text('stage'))
    shadow.append(style, this.view, this.note, this.bar.element)
    this.hands.listen(this.view)
    new ResizeObserver(() => this.redraw()).observe(this.view)
    this.watcher = setInterval(() => this.watch(), WATCH_MS)
  }

  get memory() {
    return this.host.memory
  }

  get idle() {
    return Boolean(this.scene.idle)
  }

  /** Stop for good. */
  remove() {
    clearInterval(this.watcher)
    clearTimeout(this.timer)
  }

  /** See what other nodes have changed. */
  watch() {
    const { element, memory } = this
    takePlace(`${this.name} ${this.host.key()}`, { element, lives: this.host.lives })
    if (this.hands.gesture || !element.isConnected || document.visibilityState !== 'visible') return
    if (!this.restored && memory.focused) this.view.focus({ preventScroll: true })
    this.restored = true
    this.refresh()
  }

  /** Read the node anew. */
  refresh() {
    const scene = this.host.read()
    const seen = JSON.stringify(scene)
    if (this.result !== this.memory.result) this.redraw()
    this.result = this.memory.result
    if (seen === this.seen) return
    this.seen = seen
    this.scene = scene
    this.element.style.display = scene.idle ? 'none' : ''
    this.host.fold(scene)
    this.show(scene.numbers)
    const names = [...scene.layers.map(layer => layer.picture), scene.mask].flatMap(name => name ?? [])
    Promise.all(names.map(name => this.host.pictures.fetch(name))).then(async () => {
      const base = baseSizeOf(scene, this.host.pictures)
      const added = scene.extend && base ? await this.host.extension(scene.extend, base) : null
      const size = base && extendedSize(base, added)
      const sized = scene.sizing && size ? await this.host.sizeOf(scene.sizing, size) : size
      if (this.seen !== seen || this.hands.gesture) return
      this.sized = sized
      this.unread = Boolean(scene.extend && base && !added)
      if (added && base && sized) this.scene = withExtension(scene, base, added, sized)
      this.show(scene.numbers)
    })
  }

  /** Show numbers, which need not be written. @param {Numbers | null} numbers */
  show(numbers) {
    this.numbers = numbers
    this.layers = numbers ? layersOf(this.scene, this.host.pictures, numbers) : []
    const { canvas, sizing, extend } = this.scene
    this.canvas = canvas ?? (sizing || extend ? this.sized : baseSizeOf(this.scene, this.host.pictures))
    const overlays = overlaysOf(this.scene).map(layer => layer.number)
    const { selected } = this.memory
    if (selected === undefined || (selected !== null && !overlays.includes(selected)))
      this.memory.selected = overlays.at(-1)
    this.redraw()
    if (!this.hands.gesture) this.askForTruth()
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
    this.write(this.withChanges(numbers, selected, changes))
  }

  /** @param {Numbers} numbers @param {Layer} layer @param {Partial<Placement>} changes */
  withChanges(numbers, layer, changes) {
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
    this.memory.shows = false
    this.refresh()
    this.redraw()
  }

  // Pictures

  /** Enlarge by a factor about a point of the element, its middle if none is given; 0 shows all. @param {number} step @param {[number, number]} [at] */
  zoom(step, at) {
    const { offsetWidth: width, offsetHeight: height } = this.view
    this.lens = zoomed(this.lens, step, at && [at[0] - width / 2, at[1] - height / 2])
    this.redraw()
  }

  /** Move what is seen. @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.lens = { ...this.lens, x: this.lens.x + dx, y: this.lens.y + dy }
    this.redraw()
  }

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
    this.changed()
    this.note.textContent = this.problem()
    const context = view.getContext('2d')
    const result = this.resultPicture
    if (!context || !width || !height) return
    context.scale(ratio, ratio)
    if (result) return context.drawImage(result.bitmap, ...inside(result.size, [0, 0, width, height]))
    if (!canvas) return
    this.look = lensed(viewOf(canvas, width, height), this.lens)
    this.paint(context, canvas, this.look, ratio)
    paintMarks(context, this.look, canvas, this.selected, this.hands.guides)
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
    const base = this.layers.find(layer => layer.number === this.scene.layers[0]?.number)
    const mask = this.scene.mask && this.host.pictures.get(this.scene.mask)
    if (base && (mask || this.scene.extend)) paintSelection(context, look, canvas, base, mask || null, ratio)
    context.restore()
  }

  /** Whether a run has left what is not shown elsewhere on the node. */
  get canShowResult() {
    const { result } = this.memory
    return Boolean(result?.after.length && !result.before.length)
  }

  /** Show the last run's result in place of the layers, or the layers again. @param {boolean} shows */
  showResult(shows) {
    this.memory.shows = shows
    this.redraw()
  }

  /** The picture of the last run's result, where it is to be shown; undefined before it has come. */
  get resultPicture() {
    const [name] = (this.memory.shows && this.canShowResult && this.memory.result?.after) || []
    if (!name) return null
    const picture = this.host.pictures.get({ name, opaque: false })
    if (picture === undefined) this.host.pictures.fetch({ name, opaque: false }).then(() => this.redraw())
    return picture
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
    if (this.scene.mask === null || this.scene.layers.some(layer => !layer.picture)) return text('afterRun')
    if (this.scene.layers.some(({ picture }) => picture && pictures.get(picture) === null)) return text('noFile')
    if (this.unread) return text('badExtend')
    return overlaysOf(this.scene).length || this.scene.role ? '' : text('noOverlay')
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
}
