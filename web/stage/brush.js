/**
 * A brush for a mask, where a page has no mask editor: paint on a picture what is to be transparent, which is the mask.
 *
 * @typedef {import('./drawing.js').Picture} Picture
 */
import { button, range, row } from './controls.js'
import { inside } from './compare.js'
import { STYLE } from './style.js'

const [TINT, TINT_ALPHA] = ['#ff3b6b', 0.55]
const SMALLEST = 0.01 // of the picture's larger side, as the largest
const LARGEST = 0.25
const LOOK = `
dialog { width: 80vw; height: 80vh; padding: 8px; border: 1px solid var(--border-color, #555); border-radius: 6px;
  background: var(--comfy-menu-bg, #222); color: var(--input-text, #ddd); }
dialog[open] { display: flex; flex-direction: column; gap: 6px; }
canvas { cursor: crosshair; }
`

export class Brush {
  /** @param {Picture} picture @param {Record<string, string>} texts */
  constructor(picture, texts) {
    this.picture = picture
    this.texts = texts
    this.share = 0.06
    this.erases = false
    this.element = document.createElement('div')
    this.dialog = document.createElement('dialog')
    this.view = document.createElement('canvas')
    this.mask = new OffscreenCanvas(...picture.size)
    this.ink = /** @type {OffscreenCanvasRenderingContext2D} */ (this.mask.getContext('2d'))
    this.start()
  }

  /** What is transparent in the picture is painted already. */
  start() {
    this.ink.fillRect(0, 0, this.mask.width, this.mask.height)
    this.ink.globalCompositeOperation = 'destination-out'
    this.ink.drawImage(this.picture.bitmap, 0, 0, this.mask.width, this.mask.height)
    this.ink.lineCap = this.ink.lineJoin = 'round'
  }

  /** @param {string} key */
  text(key) {
    return this.texts[key] ?? key
  }

  /** Let the user paint; a PNG whose alpha is 0 where it is painted, null where it was cancelled. @returns {Promise<Blob | null>} */
  open() {
    const { dialog, view } = this
    const shadow = this.element.attachShadow({ mode: 'open' })
    const style = document.createElement('style')
    style.textContent = `${STYLE}${LOOK}`
    const erase = button('\u232B', this.text('erase'), () => {
      this.erases = !this.erases
      erase.setAttribute('aria-pressed', String(this.erases))
    })
    const size = range(this.text('brushSize'), () => {}, value => { this.share = SMALLEST + value * (LARGEST - SMALLEST) })
    size.value = '0.2'
    const save = button('\u2713', this.text('save'), () => dialog.close('save'))
    const cancel = button('\u00D7', this.text('cancel'), () => dialog.close())
    dialog.setAttribute('aria-label', this.text('mask'))
    dialog.append(view, row(size, erase, save, cancel))
    shadow.append(style, dialog)
    document.body.append(this.element)
    this.listen(view)
    dialog.addEventListener('keydown', event => event.stopPropagation())
    dialog.showModal()
    this.draw()
    return new Promise(done => dialog.addEventListener('close', async () => {
      this.element.remove()
      done(dialog.returnValue === 'save' ? await this.result() : null)
    }))
  }

  /** @param {HTMLCanvasElement} view */
  listen(view) {
    new ResizeObserver(() => this.draw()).observe(view)
    view.addEventListener('pointerdown', event => {
      if (event.button !== 0) return
      view.setPointerCapture(event.pointerId)
      this.last = this.pointOf(event)
      this.stroke(this.last, this.last)
    })
    view.addEventListener('pointermove', event => {
      if (!this.last) return
      const point = this.pointOf(event)
      this.stroke(this.last, point)
      this.last = point
    })
    for (const end of ['pointerup', 'pointercancel']) view.addEventListener(end, () => { this.last = undefined })
  }

  /** @param {PointerEvent} event @returns {[number, number]} of the picture */
  pointOf(event) {
    const { left, top, width, height } = this.view.getBoundingClientRect()
    const area = inside(this.picture.size, [left, top, width, height])
    const zoom = area[2] / this.picture.size[0]
    return [(event.clientX - area[0]) / zoom, (event.clientY - area[1]) / zoom]
  }

  /** @param {[number, number]} from @param {[number, number]} to */
  stroke(from, to) {
    const { ink } = this
    ink.globalCompositeOperation = this.erases ? 'destination-out' : 'source-over'
    ink.lineWidth = Math.max(1, this.share * Math.max(...this.picture.size))
    ink.beginPath()
    ink.moveTo(...from)
    ink.lineTo(...to)
    ink.stroke()
    this.draw()
  }

  draw() {
    const { view, picture } = this
    const ratio = window.devicePixelRatio || 1
    view.width = Math.max(1, view.offsetWidth * ratio)
    view.height = Math.max(1, view.offsetHeight * ratio)
    const context = view.getContext('2d')
    if (!context) return
    const area = inside(picture.size, [0, 0, view.width, view.height])
    const tint = new OffscreenCanvas(view.width, view.height)
    const colour = /** @type {OffscreenCanvasRenderingContext2D} */ (tint.getContext('2d'))
    colour.drawImage(this.mask, ...area)
    colour.globalCompositeOperation = 'source-in'
    colour.fillStyle = TINT
    colour.fillRect(...area)
    context.drawImage(picture.bitmap, ...area)
    context.globalAlpha = TINT_ALPHA
    context.drawImage(tint, 0, 0)
  }

  /** @returns {Promise<Blob>} */
  result() {
    const alpha = new OffscreenCanvas(...this.picture.size)
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (alpha.getContext('2d'))
    context.fillRect(0, 0, alpha.width, alpha.height)
    context.globalCompositeOperation = 'destination-out'
    context.drawImage(this.mask, 0, 0)
    return alpha.convertToBlob({ type: 'image/png' })
  }
}
