/**
 * The shelf: a tile for each file of a loader, with its picture, size and role. Files are dropped, pasted or uploaded
 * onto a tile, tiles swap their files, and each has a button that paints its mask.
 *
 * @typedef {{number: number, name: string | null, optional: boolean}} Slot `name` is null where there is no file
 * @typedef {{tile?: number, focused?: boolean}} Memory
 * @typedef {{
 *   files(): Slot[],
 *   choose(files: Record<number, string | null>): void,
 *   upload(file: File): Promise<string | null>,
 *   paint(number: number): void,
 *   sync(): void,
 *   key(): string,
 *   lives(): boolean,
 *   text(key: string): string,
 *   pictures: import('./pictures.js').Pictures,
 *   memory: Memory,
 * }} ShelfHost `sync` takes over what another editor has painted
 */
import { button, row } from './controls.js'
import { inside } from './compare.js'
import { takePlace } from './places.js'
import { STYLE } from './style.js'
import { filesOf, swapped } from './slots.js'

const WATCH_MS = 400
const TILES = `
:host { min-height: 150px; }
.tiles { display: flex; gap: 6px; flex: 1 1 auto; }
.tile { flex: 1 1 0; min-width: 0; display: flex; flex-direction: column; gap: 3px; border-radius: 4px;
  border: 1px solid var(--border-color, #555); padding: 3px; box-sizing: border-box; }
.tile:focus-visible, .tile.over { outline: 2px solid #4aa8ff; outline-offset: -2px; }
.tile canvas { min-height: 50px; cursor: grab; }
.tile .row { flex-wrap: wrap; }
.tile span { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; font-size: 11px; }
.tile b { font-weight: 600; }
`

export class Shelf {
  name = 'shelf'
  height = 180
  idle = false

  /** @param {ShelfHost} host */
  constructor(host) {
    this.host = host
    this.seen = ''
    this.element = document.createElement('div')
    this.tiles = host.files().map(({ number, optional }) => this.makeTile(number, optional))
    this.picker = document.createElement('input')
    this.words = document.createElement('output')
    this.build()
  }

  build() {
    const shadow = this.element.attachShadow({ mode: 'open' })
    const style = document.createElement('style')
    style.textContent = `${STYLE}${TILES}`
    Object.assign(this.picker, { type: 'file', accept: 'image/*', multiple: true, hidden: true })
    this.picker.addEventListener('change', () => this.take(this.memory.tile ?? 1, [...this.picker.files ?? []]))
    this.words.setAttribute('aria-live', 'polite')
    this.words.hidden = true
    const tiles = document.createElement('div')
    tiles.className = 'tiles'
    tiles.append(...this.tiles.map(tile => tile.element))
    shadow.append(style, tiles, this.words, this.picker)
    this.watcher = setInterval(() => this.watch(), WATCH_MS)
    this.refresh()
  }

  /** @param {number} number @param {boolean} optional */
  makeTile(number, optional) {
    const { host } = this
    const element = document.createElement('div')
    const view = document.createElement('canvas')
    const label = document.createElement('span')
    const size = document.createElement('span')
    element.className = 'tile'
    element.tabIndex = 0
    element.setAttribute('role', 'group')
    const upload = button('\u2191', `${host.text('upload')} ${number}`, () => this.pick(number))
    const mask = button('\u25D0', `${host.text('mask')} ${number}`, () => host.paint(number))
    const clear = button('\u00D7', `${host.text('clear')} ${number}`, () => host.choose({ [number]: null }))
    element.append(view, label, size, row(upload, mask, ...(optional ? [clear] : [])))
    const tile = { number, element, view, label, size, mask, clear }
    new ResizeObserver(() => this.draw(tile)).observe(view)
    this.listen(element, view, number)
    return tile
  }

  /** @param {HTMLElement} element @param {HTMLCanvasElement} view @param {number} number */
  listen(element, view, number) {
    element.addEventListener('focusin', () => {
      this.memory.tile = number
      this.host.sync()
    })
    element.addEventListener('dragover', event => {
      if (!event.dataTransfer?.types.includes('Files')) return
      event.preventDefault()
      event.stopPropagation()
      element.classList.add('over')
    })
    element.addEventListener('dragleave', () => element.classList.remove('over'))
    element.addEventListener('drop', event => {
      element.classList.remove('over')
      this.receive(event, number, event.dataTransfer)
    })
    element.addEventListener('paste', event => this.receive(event, number, event.clipboardData))
    element.addEventListener('keydown', event => this.key(event, number))
    view.addEventListener('pointerdown', event => {
      if (event.button !== 0) return
      event.stopPropagation()
      element.focus({ preventScroll: true })
      view.setPointerCapture(event.pointerId)
    })
    view.addEventListener('pointerup', event => this.drop(event, number))
  }

  get memory() {
    return this.host.memory
  }

  remove() {
    clearInterval(this.watcher)
  }

  watch() {
    takePlace(`${this.name} ${this.host.key()}`, { element: this.element, lives: this.host.lives })
    this.host.sync()
    this.refresh()
  }

  refresh() {
    const files = this.host.files()
    const seen = JSON.stringify(files)
    if (seen === this.seen) return
    this.seen = seen
    for (const tile of this.tiles) this.update(tile, files.find(each => each.number === tile.number))
  }

  /** @param {Shelf['tiles'][0]} tile @param {Slot | undefined} slot */
  async update(tile, slot) {
    const { host } = this
    const name = slot?.name ?? null
    const title = tile.number === 1 ? host.text('base') : `${host.text('image')} ${tile.number}`
    tile.label.textContent = name ?? host.text('none')
    tile.label.title = name ?? ''
    tile.mask.disabled = tile.clear.disabled = !name
    tile.element.setAttribute('aria-label', [title, name ?? host.text('none')].join(': '))
    const picture = name ? await host.pictures.fetch({ name, opaque: false }) : null
    if (this.seen !== JSON.stringify(host.files())) return
    tile.size.textContent = [title, picture ? `${picture.size[0]} x ${picture.size[1]}` : ''].filter(Boolean).join(' \u00B7 ')
    if (name && !picture) tile.size.textContent = host.text('missing')
    this.draw(tile)
  }

  /** @param {Shelf['tiles'][0]} tile */
  draw({ number, view }) {
    const ratio = window.devicePixelRatio || 1
    view.width = Math.max(1, view.offsetWidth * ratio)
    view.height = Math.max(1, view.offsetHeight * ratio)
    const name = this.host.files().find(each => each.number === number)?.name
    const picture = name ? this.host.pictures.get({ name, opaque: false }) : null
    if (picture) view.getContext('2d')?.drawImage(picture.bitmap, ...inside(picture.size, [0, 0, view.width, view.height]))
  }

  /** @param {number} number */
  pick(number) {
    this.memory.tile = number
    this.picker.value = ''
    this.picker.click()
  }

  /** @param {Event} event @param {number} number @param {DataTransfer | null} given */
  receive(event, number, given) {
    const files = [...given?.files ?? []].filter(file => file.type.startsWith('image/'))
    if (!files.length) return
    event.preventDefault()
    event.stopPropagation()
    this.take(number, files)
  }

  /** Upload files; the first is for a tile, further ones for those after it. @param {number} number @param {File[]} files */
  async take(number, files) {
    const numbers = this.tiles.map(tile => tile.number).filter(each => each >= number)
    const names = await Promise.all(files.slice(0, numbers.length).map(file => this.host.upload(file)))
    const taken = filesOf(numbers, names)
    if (Object.keys(taken).length) this.host.choose(taken)
    this.words.hidden = !names.includes(null)
    this.words.textContent = names.includes(null) ? this.host.text('notUploaded') : ''
    this.refresh()
  }

  /** Swap with the tile where the pointer was released. @param {PointerEvent} event @param {number} number */
  drop(event, number) {
    const under = this.element.shadowRoot?.elementsFromPoint(event.clientX, event.clientY) ?? []
    const other = this.tiles.find(tile => under.includes(tile.element))
    if (other && other.number !== number) this.swap(number, other.number)
  }

  /** @param {number} one @param {number} other */
  swap(one, other) {
    const files = swapped(this.host.files(), one, other)
    if (!files) return
    this.host.choose(files)
    this.refresh()
    this.tiles.find(tile => tile.number === other)?.element.focus({ preventScroll: true })
  }

  /** @param {KeyboardEvent} event @param {number} number */
  key(event, number) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    const slot = this.host.files().find(each => each.number === number)
    if (step && event.shiftKey) this.swap(number, number + step)
    else if (step) this.tiles.find(tile => tile.number === number + step)?.element.focus()
    else if (event.key === 'Enter' || event.key === ' ') this.pick(number)
    else if (event.key === 'Delete' && slot?.optional) this.host.choose({ [number]: null })
    else if (event.key.toLowerCase() === 'm' && slot?.name) this.host.paint(number)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}
