// What a change on the stage writes: the widgets of a lone overlay, an entry of per_image among several.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULTS } from '../../web/stage/placement.js'
import {
  placementOf, readEntries, reordered, stacked, widgetChanges, withChanges, writeEntries,
} from '../../web/stage/layers.js'

const numbers = (entries = {}, shared = {}) => ({ shared: { ...DEFAULTS, ...shared }, entries })
const [LONE, AMONG] = [{ alone: true }, { alone: false }]
const layersOf = (given, images) =>
  images.map(number => ({ number, size: [10, 10], placement: placementOf(given, number) }))

test('per_image is read, and left alone where it cannot be', () => {
  assert.deepEqual(readEntries(' '), {})
  assert.deepEqual(readEntries('{"2": {"scale": 0.5}}'), { 2: { scale: 0.5 } })
  for (const text of ['{', '[]', '3', 'null', '{"2": 3}', '{"2": []}', '{"2": null}'])
    assert.equal(readEntries(text), null, text)
  assert.equal(writeEntries({}), '')
})

test('an entry says what differs, the widgets say the rest', () => {
  const given = numbers({ 3: { scale: 0.5, role: 'overlay' } }, { opacity: 0.25 })
  assert.deepEqual(placementOf(given, 3), { ...DEFAULTS, opacity: 0.25, scale: 0.5 })
  assert.deepEqual(placementOf(given, 2), { ...DEFAULTS, opacity: 0.25 })
})

test('a lone overlay is placed by the widgets, and its entry no longer says otherwise', () => {
  const after = withChanges(numbers({ 2: { scale: 0.5, visible: false } }), 2, { scale: 0.7, offset_x: 3 }, LONE)
  assert.deepEqual(after, numbers({ 2: { visible: false } }, { scale: 0.7, offset_x: 3 }))
  assert.deepEqual(widgetChanges(numbers(), after), { scale: 0.7, offset_x: 3, per_image: '{"2":{"visible":false}}' })
})

test('order and visibility have no widget', () => {
  const hidden = withChanges(numbers(), 2, { visible: false }, LONE)
  assert.deepEqual(hidden, numbers({ 2: { visible: false } }))
  assert.deepEqual(withChanges(hidden, 2, { visible: true }, LONE), numbers())
})

test('one overlay among several has an entry, gone when it says nothing more', () => {
  const moved = withChanges(numbers({}, { opacity: 0.5 }), 3, { offset_x: 4 }, AMONG)
  assert.deepEqual(moved, numbers({ 3: { offset_x: 4 } }, { opacity: 0.5 }))
  assert.deepEqual(withChanges(moved, 3, { offset_x: 0 }, AMONG), numbers({}, { opacity: 0.5 }))
})

test('an overlay of a model that reads images stays one', () => {
  const writing = { alone: false, role: 'overlay' }
  const implied = numbers({ 2: { scale: 0.5 } })
  assert.deepEqual(withChanges(implied, 2, { scale: 1 }, writing), numbers({ 2: { role: 'overlay' } }))
})

test('layers move up and down, and those in the order of their numbers need no z', () => {
  const start = numbers()
  const order = given => stacked(layersOf(given, [2, 3, 4])).map(layer => layer.number)
  const up = reordered(start, layersOf(start, [2, 3, 4]), 2, 1, AMONG)
  assert.deepEqual(order(up), [3, 2, 4])
  const down = reordered(up, layersOf(up, [2, 3, 4]), 2, -1, AMONG)
  assert.deepEqual(down, start)
  assert.equal(reordered(start, layersOf(start, [2, 3, 4]), 4, 1, AMONG), start)
  const under = numbers({}, { z: -2 })
  const swapped = reordered(under, layersOf(under, [2, 3]), 3, -1, AMONG)
  assert.deepEqual(stacked(layersOf(swapped, [2, 3])).map(layer => layer.number), [3, 2])
  assert.ok(layersOf(swapped, [2, 3]).every(layer => layer.placement.z < 0))
})
