/**
 * The large view: the same stage in a dialog over the page, with a list of the layers, their numbers, and zoom.
 *
 * @typedef {import('./stage.js').Stage} Stage
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {'offset_x' | 'offset_y' | 'scale' | 'rotation' | 'opacity'} Field
 */
import { nameOf } from './bar.js'
import { button, row } from './controls.js'
import { rounded } from './placement.js'
import { STYLE } from './style.js'

const STEP = 1.15 // of the zoom, for one notch of a wheel
/** @type {Readonly<Record<Field, [label: string, step: number]>>} */
const FIELDS = {
  offset_x: ['offsetX', 0.1], offset_y: ['offsetY', 0.1], scale: ['scale', 0.01], rotation: ['rotation', 1], opacity: ['opacity', 0.05],
}
const LOOK = `
dialog { width: 94vw; height: 92vh; max-width: none; max-height: none; padding: 8px; box-sizing: border-box;
  border: 1px solid var(--border-color, #555); border-radius: 6px; background: var(--comfy-menu-bg, #222);
  color: var(--input-text, #ddd); }
dialog[open] { display: flex; gap: 8px; }
dialog::backdrop { background: #0008; }
.stage { flex: 1 1 auto; min-width: 0; }
aside { flex: 0 0 220px; display: flex; flex-direction: column; gap: 6px; overflow: auto; }
ul { list-style: none; margin: 0; padding: 0; border: 1px solid var(--border-color, #555); border-radius: 4px; }
li { padding: 5px 6px; cursor: pointer; }
li[aria-selected=true] { background: #2a6db0; color: #fff; }
li.off { opacity: 0.5; }
li:focus-visible { outline: 2px solid #4aa8ff; outline-offset: -2px; }
label { display: flex; justify-content: space-between; align-items: center; gap: 6px; }
label input { flex: 0 0 100px; }
@media (max-width: 700px) { dialog[open] { flex-direction: column; } aside { flex: 0 0 auto; max-height: 40%; } }
`

export class LargeView {
  /** @param {Stage} stage of the dialog's own */
  constructor(stage) {
    this.stage = stage
    this.element = document.createElement('div')
    this.dialog = document.createElement('dialog')
    this.list = document.createElement('ul')
    /** @type {Map<Field, HTMLInputElement>} */
    this.inputs = new Map()
    this.build()
  }

  build() {
    const { stage, dialog, list } = this
    const text = (/** @type {string} */ key) => stage.host.text(key)
    const shadow = this.element.attachShadow({ mode: 'open' })
    const style = document.createElement('style')
    style.textContent = `${STYLE}${LOOK}`
    const side = document.createElement('aside')
    list.setAttribute('role', 'listbox')
    list.setAttribute('aria-label', text('layers'))
    list.addEventListener('keydown', event => this.step(event))
    const zoom = row(
      button('\u2212', text('zoomOut'), () => stage.zoom(1 / STEP)), button('+', text('zoomIn'), () => stage.zoom(STEP)),
      button('\u2922', text('zoomFit'), () => stage.zoom(0)), button('\u00D7', text('close'), () => dialog.close()),
    )
    side.append(zoom, list, ...Object.keys(FIELDS).map(field => this.makeField(/** @type {Field} */ (field), text)))
    stage.element.classList.add('stage')
    dialog.setAttribute('aria-label', text('large'))
    dialog.append(stage.element, side)
    shadow.append(style, dialog)
    stage.changed = () => this.update()
    dialog.addEventListener('keydown', event => this.key(event))
    stage.view.addEventListener('wheel', event => this.wheel(event), { passive: false })
    stage.view.addEventListener('pointerdown', event => this.pan(event))
    dialog.addEventListener('close', () => this.close())
  }

  open() {
    document.body.append(this.element)
    this.dialog.showModal()
    this.stage.watch()
    this.stage.view.focus()
    this.update()
  }

  close() {
    this.stage.remove()
    this.element.remove()
  }

  /** @param {Field} field @param {(key: string) => string} text */
  makeField(field, text) {
    const [label, step] = FIELDS[field]
    const element = document.createElement('label')
    const input = document.createElement('input')
    Object.assign(input, { type: 'number', step: String(step) })
    input.addEventListener('change', () => this.stage.change({ [field]: rounded(field, Number(input.value)) }))
    element.append(text(label), input)
    this.inputs.set(field, input)
    return element
  }

  /** Show what the stage shows. */
  update() {
    const { stage, list } = this
    const text = (/** @type {string} */ key) => stage.host.text(key)
    const { overlays, selected } = stage
    const items = [...overlays].reverse().map(({ number, placement }) => {
      const item = document.createElement('li')
      item.setAttribute('role', 'option')
      item.setAttribute('aria-selected', String(number === selected?.number))
      item.tabIndex = number === selected?.number ? 0 : -1
      item.textContent = `${nameOf(number, text)} \u00B7 ${placement.blend_mode}`
      item.classList.toggle('off', !placement.visible)
      item.addEventListener('click', () => stage.select(number))
      return item
    })
    const focused = list.contains(/** @type {ShadowRoot} */ (this.element.shadowRoot).activeElement)
    list.replaceChildren(...items)
    if (focused) items.find(item => item.tabIndex === 0)?.focus()
    for (const [field, input] of this.inputs) {
      input.disabled = !selected
      if (selected && this.element.shadowRoot?.activeElement !== input) input.value = String(selected.placement[field])
    }
  }

  /** No key here is one of the page's; its undo and redo come before. @param {KeyboardEvent} event */
  key(event) {
    event.stopPropagation()
    // Or the browser undoes what was typed into a number, wherever the focus is.
    if ((event.ctrlKey || event.metaKey) && !(event.composedPath()[0] instanceof HTMLInputElement)) event.preventDefault()
  }

  /** @param {KeyboardEvent} event */
  step(event) {
    const step = { ArrowDown: -1, ArrowUp: 1 }[event.key]
    if (!step) return
    this.stage.hands.selectNext(step)
    event.preventDefault()
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault()
    event.stopPropagation()
    const bounds = this.stage.view.getBoundingClientRect()
    this.stage.zoom(event.deltaY < 0 ? STEP : 1 / STEP, [event.clientX - bounds.left, event.clientY - bounds.top])
  }

  /** The middle button moves the view. @param {PointerEvent} event */
  pan(event) {
    if (event.button !== 1) return
    event.preventDefault()
    const { view } = this.stage
    view.setPointerCapture(event.pointerId)
    const move = (/** @type {PointerEvent} */ moved) => this.stage.pan(moved.movementX, moved.movementY)
    view.addEventListener('pointermove', move)
    view.addEventListener('pointerup', () => view.removeEventListener('pointermove', move), { once: true })
  }
}
