/**
 * The layers of a node as the stage sees them, and the changes to the node's numbers.
 *
 * The numbers are the truth: a node has widgets that hold for all of its overlays (`shared`) and the text
 * `per_image` with what differs for single ones. Nothing else is kept.
 *
 * @typedef {import('./placement.js').Placement} Placement
 * @typedef {import('./placement.js').Size} Size
 * @typedef {Partial<Placement> & {role?: string}} Entry
 * @typedef {Record<string, Entry>} Entries by image number
 * @typedef {{shared: Placement, entries: Entries}} Numbers
 * @typedef {{number: number, size: Size, placement: Placement}} Layer
 * @typedef {{alone: boolean, role?: string}} Writing whether the node has one overlay; the role that an entry names
 */
import { DEFAULTS, rounded } from './placement.js'

/** The fields that no widget holds, so that they stand in per_image always. */
const ENTRY_ONLY = ['z', 'visible']

/**
 * The entries of a per_image text.
 * @param {string} text @returns {Entries | null} null where it is not valid, and the stage must not write
 */
export function readEntries(text) {
  if (!text.trim()) return {}
  try {
    const entries = JSON.parse(text)
    const objects = [entries, ...Object.values(entries ?? {})]
    return objects.every(each => each && typeof each === 'object' && !Array.isArray(each)) ? entries : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** @param {Entries} entries @returns {string} empty where there is nothing to say */
export function writeEntries(entries) {
  return Object.keys(entries).length ? JSON.stringify(entries) : ''
}

/** The placement of one image: what its entry does not say, the widgets do. @param {Numbers} numbers @param {number} image */
export function placementOf({ shared, entries }, image) {
  const known = Object.entries(entries[image] ?? {}).filter(([name]) => name in DEFAULTS)
  return /** @type {Placement} */ ({ ...shared, ...Object.fromEntries(known) })
}

/**
 * Numbers with some fields of one overlay changed. The widgets hold a node's only overlay; the fields of one among
 * several go to its entry, as far as they differ from the widgets.
 * @param {Numbers} numbers @param {number} image @param {Partial<Placement>} changes @param {Writing} writing
 * @returns {Numbers}
 */
export function withChanges({ shared, entries }, image, changes, { alone, role }) {
  const entry = role ? { role, ...entries[image] } : { ...entries[image] }
  const widgets = { ...shared }
  for (const [name, value] of Object.entries(changes)) {
    const toWidget = alone && !ENTRY_ONLY.includes(name)
    if (toWidget) Object.assign(widgets, { [name]: value })
    if (toWidget || value === Reflect.get(shared, name)) Reflect.deleteProperty(entry, name)
    else Object.assign(entry, { [name]: value })
  }
  return { shared: widgets, entries: withEntry(entries, image, entry) }
}

/** @param {Entries} entries @param {number} image @param {Entry} entry @returns {Entries} */
function withEntry(entries, image, entry) {
  const others = Object.entries(entries).filter(([number]) => number !== String(image))
  const kept = Object.keys(entry).length ? [...others, [String(image), entry]] : others
  return Object.fromEntries(kept)
}

/** Layers from the bottom: by z, equal ones by their number. @param {Layer[]} layers @returns {Layer[]} */
export function stacked(layers) {
  return [...layers].sort((a, b) => a.placement.z - b.placement.z || a.number - b.number)
}

/**
 * Numbers with one layer moved in the stack: +1 is up, -1 is down. Layers in the order of their numbers need no z.
 * @param {Numbers} numbers @param {Layer[]} layers @param {number} image @param {number} step @param {Writing} writing
 * @returns {Numbers}
 */
export function reordered(numbers, layers, image, step, writing) {
  const order = stacked(layers).map(layer => layer.number)
  const from = order.indexOf(image)
  const to = from + step
  if (from < 0 || to < 0 || to >= order.length) return numbers
  order.splice(to, 0, ...order.splice(from, 1))
  const natural = order.every((number, at) => at === 0 || order[at - 1] < number)
  return order.reduce((changed, number, at) => {
    const z = numbers.shared.z + (natural ? 0 : at)
    return withChanges(changed, number, { z: rounded('z', z) }, writing)
  }, numbers)
}

/** The fields in which two numbers differ, by widget. @param {Numbers} before @param {Numbers} after */
export function widgetChanges(before, after) {
  const changes = Object.fromEntries(
    Object.entries(after.shared).filter(([name, value]) => value !== Reflect.get(before.shared, name)),
  )
  const text = writeEntries(after.entries)
  return text === writeEntries(before.entries) ? changes : { ...changes, per_image: text }
}
