/** Controls with a label that a screen reader says. */

/** @param {HTMLElement[]} children */
export function row(...children) {
  const element = document.createElement('div')
  element.className = 'row'
  element.append(...children)
  return element
}

/** @param {string} sign @param {string} label @param {() => void} act */
export function button(sign, label, act) {
  const element = document.createElement('button')
  element.type = 'button'
  element.textContent = sign
  element.title = label
  element.setAttribute('aria-label', label)
  element.addEventListener('click', act)
  return element
}

/** @param {string} label @param {(value: string) => void} act */
export function choice(label, act) {
  const element = document.createElement('select')
  element.title = label
  element.setAttribute('aria-label', label)
  element.addEventListener('change', () => act(element.value))
  return element
}

/** @param {string} label @param {(value: number) => void} act once it stays @param {(value: number) => void} follow while it moves */
export function range(label, act, follow = () => {}) {
  const element = document.createElement('input')
  Object.assign(element, { type: 'range', min: '0', max: '1', step: '0.01', title: label })
  element.setAttribute('aria-label', label)
  element.addEventListener('change', () => act(Number(element.value)))
  element.addEventListener('input', () => follow(Number(element.value)))
  return element
}

/** Options by their values, made anew only where they differ. @param {HTMLSelectElement} select @param {string[]} values @param {(value: string) => string} nameOf */
export function fill(select, values, nameOf = value => value) {
  if ([...select.options].map(option => option.value).join() === values.join()) return
  select.replaceChildren(...values.map(value => new Option(nameOf(value), value)))
}
