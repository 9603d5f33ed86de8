/**
 * Show an element where an older one of the same node stands: Nodes 2.0 goes on showing that of a node that an undo
 * has made anew.
 * @param {{elements?: Record<string, Element>}} memory of the node @param {string} name @param {Element} element
 */
export function takePlace(memory, name, element) {
  const elements = (memory.elements ??= {})
  if (!element.isConnected && elements[name]?.isConnected) elements[name].replaceWith(element)
  if (element.isConnected) elements[name] = element
}
