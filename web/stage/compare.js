/**
 * What a run has made, on the node: its images before and after with a slider between them, and what was decided.
 *
 * @typedef {import('./drawing.js').Picture} Picture
 * @typedef {{blurred: boolean, score: number | null, label: string | null, status: string}} Decision
 * @typedef {{after: string[], before: string[], decisions: Decision[], count: number}} Result
 *   names of pictures by frame, of the first ones; `count` of all frames
 * @typedef {{result?: Result, screened?: string[], split?: number, differs?: boolean, frame?: number}} Memory
 * @typedef {{
 *   key(): string,
 *   lives(): boolean,
 *   text(key: string): string,
 *   fold(idle: boolean): void,
 *   pictures: import('./pictures.js').Pictures,
 *   memory: Memory,
 * }} CompareHost
 */
import { button, choice, fill, range, row } from './controls.js'
import { takePlace } from './places.js'
import { STYLE } from './style.js'

const WATCH_MS = 400
const LINE = '#ffffff'
export const HEIGHT = 240

export class Compare {
  name = 'result'
  height = HEIGHT

  /** @param {CompareHost} host */
  constructor(host) {
    this.host = host
    this.idle = true
    this.seen = /** @type {Result | undefined} */ (undefined)
    this.element = document.createElement('div')
    this.view = document.createElement('canvas')
    this.slider = range(host.text('slider'), () => {}, value => this.slide(value))
    this.frames = choice(host.text('frame'), value => this.turnTo(Number(value)))
    this.difference = button('\u2260', host.text('difference'), () => this.differ())
    this.words = document.createElement('output')
    this.controls = row(this.slider, this.difference)
    this.build()
  }

  build() {
    const shadow = this.element.attachShadow({ mode: 'open' })
    const style = document.createElement('style')
    style.textContent = `${STYLE} :host { min-height: ${HEIGHT - 10}px; }`
    this.view.setAttribute('role', 'img')
    this.view.setAttribute('aria-label', this.host.text('result'))
    this.words.setAttribute('aria-live', 'polite')
    shadow.append(style, this.view, this.controls, this.frames, this.words)
    this.view.addEventListener('pointerdown', event => this.press(event))
    this.view.addEventListener('pointermove', event => { if (this.view.hasPointerCapture(event.pointerId)) this.follow(event) })
    this.element.addEventListener('keydown', event => this.key(event))
    new ResizeObserver(() => this.draw()).observe(this.view)
    this.watcher = setInterval(() => this.watch(), WATCH_MS)
    this.element.style.display = 'none'
    this.host.fold(true)
  }

  get memory() {
    return this.host.memory
  }

  remove() {
    clearInterval(this.watcher)
  }

  watch() {
    takePlace(`${this.name} ${this.host.key()}`, { element: this.element, lives: this.host.lives })
    this.refresh()
  }

  /** See what a run has left. */
  refresh() {
    const { result } = this.memory
    if (result === this.seen) return
    this.seen = result
    const idle = !result?.after.length
    if (idle !== this.idle) {
      this.idle = idle
      this.element.style.display = idle ? 'none' : ''
      this.host.fold(idle)
    }
    if (!result) return
    const names = [...result.after, ...result.before].map(name => ({ name, opaque: false }))
    Promise.all(names.map(name => this.host.pictures.fetch(name))).then(() => this.draw())
    this.update(result)
  }

  /** @param {Result} result */
  update({ after, before, decisions, count }) {
    const { memory, host } = this
    const frame = this.frame
    fill(this.frames, after.map((_, at) => String(at)), at => `${host.text('frame')} ${Number(at) + 1} / ${count}`)
    this.frames.value = String(frame)
    this.frames.hidden = after.length < 2
    this.controls.hidden = !before.length
    this.slider.value = String(memory.split ?? 0.5)
    this.difference.setAttribute('aria-pressed', String(Boolean(memory.differs)))
    this.words.textContent = decisions[frame] ? inWords(decisions[frame], host.text) : ''
    this.words.hidden = !decisions.length
    this.words.className = decisions[frame]?.blurred ? 'alarm' : ''
  }

  get frame() {
    return Math.min(this.memory.frame ?? 0, Math.max(0, (this.memory.result?.after.length ?? 1) - 1))
  }

  changed() {
    if (this.memory.result) this.update(this.memory.result)
    this.draw()
  }

  /** @param {number} split share of the width that shows the image before */
  slide(split) {
    this.memory.split = Math.min(1, Math.max(0, split))
    this.memory.differs = false
    this.changed()
  }

  /** @param {number} frame */
  turnTo(frame) {
    this.memory.frame = frame
    this.changed()
  }

  differ() {
    this.memory.differs = !this.memory.differs
    this.changed()
  }

  /** @param {string[] | undefined} names @returns {Picture | null | undefined} */
  pictureOf(names) {
    const name = names?.[Math.min(this.frame, names.length - 1)]
    return name === undefined ? undefined : this.host.pictures.get({ name, opaque: false })
  }

  draw() {
    const { view, memory } = this
    const ratio = window.devicePixelRatio || 1
    view.width = Math.max(1, view.offsetWidth * ratio)
    view.height = Math.max(1, view.offsetHeight * ratio)
    const context = view.getContext('2d')
    const [after, before] = [this.pictureOf(memory.result?.after), this.pictureOf(memory.result?.before)]
    if (!context || !after) return
    const area = inside(after.size, [0, 0, view.width, view.height])
    context.drawImage(after.bitmap, ...area)
    if (!before) return
    const over = inside(before.size, area)
    if (memory.differs) {
      context.globalCompositeOperation = 'difference'
      context.drawImage(before.bitmap, ...over)
      return
    }
    const [left, top, width, height] = area
    const at = left + width * (memory.split ?? 0.5)
    context.save()
    context.beginPath()
    context.rect(left, top, at - left, height)
    context.clip()
    context.clearRect(...area)
    context.drawImage(before.bitmap, ...over)
    context.restore()
    context.fillStyle = LINE
    context.fillRect(at - ratio, top, 2 * ratio, height)
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button !== 0 || !this.memory.result?.before.length) return
    event.stopPropagation()
    this.view.setPointerCapture(event.pointerId)
    this.follow(event)
  }

  /** @param {PointerEvent} event */
  follow(event) {
    const after = this.pictureOf(this.memory.result?.after)
    if (!after) return
    const bounds = this.view.getBoundingClientRect()
    const [left, , width] = inside(after.size, [bounds.left, bounds.top, bounds.width, bounds.height])
    this.slide((event.clientX - left) / width)
  }

  /** F shows the other image, D the difference. @param {KeyboardEvent} event */
  key(event) {
    const key = event.key.toLowerCase()
    if (event.ctrlKey || event.metaKey || event.altKey || !'fd'.includes(key)) return
    event.stopPropagation()
    if (key === 'f') this.slide((this.memory.split ?? 0.5) < 0.5 ? 1 : 0)
    else this.differ()
  }
}

/**
 * The largest area of a picture's shape in the middle of another.
 * @param {[number, number]} size @param {[number, number, number, number]} area left, top, width, height
 * @returns {[number, number, number, number]}
 */
export function inside([width, height], [left, top, across, down]) {
  const zoom = Math.min(across / width, down / height)
  return [left + (across - width * zoom) / 2, top + (down - height * zoom) / 2, width * zoom, height * zoom]
}

/** @param {Decision} decision @param {(key: string) => string} text */
export function inWords({ blurred, score, label, status }, text) {
  const known = status === 'ok' ? [label, score?.toFixed(3)] : [text('unclassified')]
  return [blurred ? text('blurred') : text('passed'), ...known].filter(Boolean).join(' \u00B7 ')
}
