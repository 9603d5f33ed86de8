/**
 * The controls below a stage: which layer, its order, look and anchor, and its numbers in words.
 *
 * @typedef {import('./stage.js').Stage} Stage
 * @typedef {import('./layers.js').Layer} Layer
 */
import { button, choice, fill, range, row } from './controls.js'
import { MODES } from './modes.js'
import { ANCHORS, place, rounded } from './placement.js'

/** @param {Stage} stage @returns {{element: HTMLElement, update: () => void}} */
export function makeBar(stage) {
  const element = document.createElement('div')
  element.className = 'bar'
  const text = (/** @type {string} */ key) => stage.host.text(key)
  const layer = choice(text('layer'), value => stage.select(Number(value)))
  const flip = (/** @type {'flip_h' | 'flip_v' | 'seamless' | 'visible'} */ name) =>
    () => stage.change({ [name]: !stage.selected?.placement[name] })
  const buttons = {
    up: button('\u2191', text('up'), () => stage.reorder(1)),
    down: button('\u2193', text('down'), () => stage.reorder(-1)),
    visible: button('\u25C9', text('visible'), flip('visible')),
    flip_h: button('\u21C4', text('flipH'), flip('flip_h')),
    flip_v: button('\u21C5', text('flipV'), flip('flip_v')),
    seamless: button('\u224B', text('seamless'), flip('seamless')),
    snap: button('\u229E', text('snap'), () => {
      stage.memory.snap = !stage.memory.snap
      stage.redraw()
    }),
    large: button('\u2922', text('large'), () => stage.host.enlarge?.()),
    result: button('\u25A3', text('result'), () => stage.showResult(!stage.memory.shows)),
  }
  const blend = choice(text('blend'), value => stage.change({ blend_mode: value }))
  const anchor = choice(text('anchor'), value => stage.anchor(value))
  const opacity = range(text('opacity'), value => stage.change({ opacity: rounded('opacity', value) }))
  fill(blend, Object.keys(MODES))
  fill(anchor, Object.keys(ANCHORS))
  const words = document.createElement('output')
  words.setAttribute('aria-live', 'polite')
  element.append(row(layer, ...Object.values(buttons)), row(blend, opacity, anchor), words)

  function update() {
    const { selected, overlays, memory } = stage
    fill(layer, overlays.map(({ number }) => String(number)), number => nameOf(Number(number), text))
    layer.value = String(selected?.number ?? '')
    const own = { snap: memory.snap, result: Boolean(memory.shows), large: undefined }
    buttons.large.hidden = !stage.host.enlarge
    buttons.result.hidden = !stage.canShowResult
    for (const [name, each] of Object.entries(buttons)) {
      each.disabled = !(name in own || selected)
      const on = Reflect.get({ ...selected?.placement, ...own }, name)
      if (typeof on === 'boolean') each.setAttribute('aria-pressed', String(on))
    }
    for (const each of [blend, anchor, opacity]) each.disabled = !selected
    if (!selected) return
    blend.value = selected.placement.blend_mode
    anchor.value = selected.placement.anchor
    if (document.activeElement !== opacity) opacity.value = String(selected.placement.opacity)
    words.textContent = inWords(stage, selected)
  }
  return { element, update }
}

/** @param {Stage} stage @param {Layer} layer */
function inWords({ canvas }, { placement, size }) {
  if (!canvas) return ''
  const { x, y, width, height } = place(placement, size, canvas)
  const percent = (/** @type {number} */ share) => `${Math.round(share * 1000) / 10} %`
  const places = `x ${x} px (${percent(x / canvas[0])})  y ${y} px (${percent(y / canvas[1])})`
  return `${places}  ${width} x ${height}  ${placement.rotation}\u00B0`
}

/** @param {number} number @param {(key: string) => string} text */
export function nameOf(number, text) {
  return `${text(number < 0 ? 'incoming' : 'image')} ${Math.abs(number)}`
}
