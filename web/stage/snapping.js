/**
 * Snapping of a moved layer to lines of the canvas and of the other layers.
 *
 * @typedef {import('./placement.js').Box} Box
 * @typedef {import('./placement.js').Size} Size
 * @typedef {{x: number[], y: number[]}} Lines places to snap to, in pixels of the canvas
 * @typedef {{axis: 'x' | 'y', at: number}} Guide a line that holds the layer
 */

/** Edges, centre and thirds of the canvas; edges and centres of other layers' bounds. @param {Size} canvas @param {Box[]} others @returns {Lines} */
export function linesOf([width, height], others) {
  const shares = [0, 1 / 3, 1 / 2, 2 / 3, 1]
  return {
    x: [...shares.map(share => share * width), ...others.flatMap(box => marks(box.x, box.width))],
    y: [...shares.map(share => share * height), ...others.flatMap(box => marks(box.y, box.height))],
  }
}

/** @param {number} start @param {number} length */
function marks(start, length) {
  return [start, start + length / 2, start + length]
}

/**
 * The shift that takes an edge or the centre of a box to the nearest line within reach, by axis.
 * @param {Box} box @param {Lines} lines @param {number} reach in pixels of the canvas
 * @returns {{dx: number, dy: number, guides: Guide[]}}
 */
export function snapBox(box, lines, reach) {
  const x = nearest(marks(box.x, box.width), lines.x, reach)
  const y = nearest(marks(box.y, box.height), lines.y, reach)
  /** @type {Guide[]} */
  const guides = []
  if (x) guides.push({ axis: 'x', at: x.line })
  if (y) guides.push({ axis: 'y', at: y.line })
  return { dx: x?.shift ?? 0, dy: y?.shift ?? 0, guides }
}

/** @param {number[]} places @param {number[]} lines @param {number} reach */
function nearest(places, lines, reach) {
  const pairs = places.flatMap(place => lines.map(line => ({ line, shift: line - place })))
  const near = pairs.filter(pair => Math.abs(pair.shift) <= reach)
  return near.sort((a, b) => Math.abs(a.shift) - Math.abs(b.shift)).at(0)
}
