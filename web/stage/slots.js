/**
 * Which file goes where on a shelf. Pure.
 *
 * @typedef {import('./shelf.js').Slot} Slot
 */

/** Files for slots in order, without those that did not come. @param {number[]} numbers @param {(string | null)[]} names */
export function filesOf(numbers, names) {
  /** @type {Record<number, string | null>} */
  const files = {}
  const come = names.filter(name => name !== null)
  come.slice(0, numbers.length).forEach((name, at) => { files[numbers[at]] = name })
  return files
}

/**
 * The files of two slots, swapped.
 * @param {Slot[]} slots @param {number} one @param {number} other
 * @returns {Record<number, string | null> | null} null where one is not there, or would lose a file that it must have
 */
export function swapped(slots, one, other) {
  const [a, b] = [one, other].map(number => slots.find(slot => slot.number === number))
  if (!a || !b || a === b || (a.name === null && b.name === null)) return null
  const loses = [[a, b], [b, a]].some(([slot, from]) => !slot.optional && from.name === null)
  return loses ? null : { [one]: b.name, [other]: a.name }
}
