// Where an output lies on a stage, enlarged and moved.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_LENS, fromElement, lensed, viewOf, zoomed } from '../../web/stage/drawing.js'

const view = viewOf([600, 400], 652, 452)
const at = (lens, [x, y]) => fromElement(lensed(view, lens), [x, y]).map(value => Math.round(value * 100) / 100)

test('without a lens the whole output is seen', () => {
  assert.deepEqual(lensed(view, NO_LENS), view)
  assert.deepEqual(at(NO_LENS, [26, 26]), [0, 0])
})

test('what lies under the pointer stays there while a lens grows', () => {
  const place = [126, 326]
  const from = [place[0] - 326, place[1] - 226]
  const first = zoomed(NO_LENS, 2, from)
  const second = zoomed(first, 1.5, from)
  for (const lens of [first, second]) assert.deepEqual(at(lens, place), [100, 300])
  assert.equal(second.factor, 3)
  assert.deepEqual(zoomed(second, 0), NO_LENS)
})

test('a lens has bounds', () => {
  assert.equal(zoomed(NO_LENS, 1000).factor, 32)
  assert.equal(zoomed(NO_LENS, 0.001).factor, 0.25)
})
