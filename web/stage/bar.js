/**
 * The controls below a stage: which layer, its order, look and anchor, and its numbers in words.
 *
 * @typedef {import('./stage.js').Stage} Stage
 * @typedef {import('./layers.js').Layer} Layer
 */
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
    for (const [name, each] of Object.entries(buttons)) {
      each.disabled = name !== 'snap' && !selected
      const on = name === 'snap' ? memory.snap : Reflect.get(selected?.placement ?? {}, name)
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
function nameOf(number, text) {
  return `${text(number < 0 ? 'incoming' : 'image')} ${Math.abs(number)}`
}

/** @param {HTMLElement[]} children */
function row(...children) {
  const element = document.createElement('div')
  element.className = 'row'
  element.append(...children)
  return element
}

/** @param {string} sign @param {string} label @param {() => void} act */
function button(sign, label, act) {
  const element = document.createElement('button')
  element.type = 'button'
  element.textContent = sign
  element.title = label
  element.setAttribute('aria-label', label)
  element.addEventListener('click', act)
  return element
}

/** @param {string} label @param {(value: string) => void} act */
function choice(label, act) {
  const element = document.createElement('select')
  element.title = label
  element.setAttribute('aria-label', label)
  element.addEventListener('change', () => act(element.value))
  return element
}

/** @param {string} label @param {(value: number) => void} act */
function range(label, act) {
  const element = document.createElement('input')
  Object.assign(element, { type: 'range', min: '0', max: '1', step: '0.01', title: label })
  element.setAttribute('aria-label', label)
  element.addEventListener('change', () => act(Number(element.value)))
  return element
}

/** Options by their values, made anew only where they differ. @param {HTMLSelectElement} select @param {string[]} values @param {(value: string) => string} nameOf */
function fill(select, values, nameOf = value => value) {
  if ([...select.options].map(option => option.value).join() === values.join()) return
  select.replaceChildren(...values.map(value => new Option(nameOf(value), value)))
}
