// Which file goes where on a shelf.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileChanges, readFiles } from '../../web/graph.js'
import { filesOf, swapped } from '../../web/stage/slots.js'

const slots = (...names) => names.map((name, at) => ({ number: at + 1, name, optional: at > 0 }))

test('files fill slots in order, those that did not come are left out', () => {
  assert.deepEqual(filesOf([2, 3], ['a', null, 'b']), { 2: 'a', 3: 'b' })
  assert.deepEqual(filesOf([3], ['a', 'b']), { 3: 'a' })
  assert.deepEqual(filesOf([1], [null]), {})
})

test('two slots swap their files, unless the first would be without one', () => {
  assert.deepEqual(swapped(slots('a', 'b', null), 1, 2), { 1: 'b', 2: 'a' })
  assert.deepEqual(swapped(slots('a', 'b', null), 2, 3), { 2: null, 3: 'b' })
  for (const pair of [[1, 3], [3, 1], [1, 1], [1, 4]]) assert.equal(swapped(slots('a', 'b', null), ...pair), null, pair)
  assert.equal(swapped(slots('a', null, null), 2, 3), null)
})

test("a loader's files are read, and chosen by its widgets", () => {
  const widgets = Object.entries({ image_1: 'a.png', image_2: 'none [temp]', image_3: 'none' }).map(([name, value]) => ({ name, value }))
  assert.deepEqual(readFiles({ comfyClass: 'MultiEditLoadLayers', widgets }), slots('a.png', null, null))
  assert.deepEqual(fileChanges({ 1: 'b.png', 3: null }), { image_1: 'b.png', image_3: 'none [temp]' })
})
