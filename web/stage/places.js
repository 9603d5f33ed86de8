/**
 * Elements by the part and the node that they are of. Nodes 2.0 goes on showing that of a node which an undo, or a
 * subgraph that it was moved into, has made anew: the new element then stands in for the old one.
 *
 * @typedef {{element: Element, lives: () => boolean}} Place `lives` tells whether the element's node is in its graph
 */
const MOST_PLACES = 500
/** @type {Map<string, Place>} what is shown */
const shown = new Map()

/** Show an element where that of an earlier node with the same key stands. @param {string} key @param {Place} place */
export function takePlace(key, place) {
  const old = shown.get(key)
  if (!place.element.isConnected && place.lives() && old?.element.isConnected && !old.lives())
    old.element.replaceWith(place.element)
  if (!place.element.isConnected) return
  shown.delete(key)
  shown.set(key, place)
  for (const oldest of [...shown.keys()].slice(0, -MOST_PLACES)) shown.delete(oldest)
}
