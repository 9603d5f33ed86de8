// The browser's arithmetic of placement against Python's numbers, and its inverse.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { MODES } from '../../web/stage/modes.js'
import {
  ANCHORS, DEFAULTS, boundsOf, matrixOf, offsetsFor, place, roundHalfEven, rounded, toCanvas, toLayer,
} from '../../web/stage/placement.js'

const { defaults, modes, cases } = JSON.parse(readFileSync(new URL('placement_vectors.json', import.meta.url), 'utf8'))
const list = box => [box.x, box.y, box.width, box.height]
const near = (a, b, most) => assert.ok(Math.abs(a - b) <= most, `${a} is not within ${most} of ${b}`)

test('the defaults and the blend modes are those of Python', () => {
  assert.deepEqual(DEFAULTS, defaults)
  assert.deepEqual(Object.entries(MODES), Object.entries(modes))
})

test('every placement has the box that Python gives it', () => {
  const wrong = cases.filter(({ placement, layer, canvas, box }) =>
    String(list(place({ ...DEFAULTS, ...placement }, layer, canvas))) !== String(box))
  assert.deepEqual(wrong, [])
})

test('the bounds of a turned layer reach the pixels that Python says', () => {
  for (const { placement, box: [x, y, width, height], bounds } of cases) {
    if (!placement.rotation) continue
    const found = boundsOf({ x, y, width, height }, placement.rotation)
    const left = Math.floor(found.x + 1e-9)
    const top = Math.floor(found.y + 1e-9)
    const right = Math.ceil(found.x + found.width - 1e-9)
    const bottom = Math.ceil(found.y + found.height - 1e-9)
    assert.deepEqual([left, top, Math.max(1, right - left), Math.max(1, bottom - top)], bounds)
  }
})

test('a layer goes to the very pixel that it is dragged to, whatever its anchor', () => {
  for (const anchor of Object.keys(ANCHORS))
    for (const unit of ['percent', 'pixels'])
      for (const canvas of [[600, 400], [4096, 2731], [8191, 999]]) {
        const placement = { ...DEFAULTS, anchor, unit, scale: 0.3 }
        const { width, height } = place(placement, [333, 222], canvas)
        for (const corner of [[0, 0], [123, 77], [-40, canvas[1] - height], [canvas[0] - width, 5]]) {
          const moved = { ...placement, ...offsetsFor(placement, [333, 222], canvas, corner) }
          assert.deepEqual(list(place(moved, [333, 222], canvas)), [...corner, width, height])
        }
      }
})

test('points go from the canvas to a turned layer and back', () => {
  const box = { x: 10, y: -20, width: 300, height: 100 }
  for (const rotation of [0, 30, -90, 211.5]) {
    const back = toCanvas(toLayer([77, 33], box, rotation), box, rotation)
    near(back[0], 77, 1e-9)
    near(back[1], 33, 1e-9)
  }
})

test('the matrix takes the corners of a picture to those of its box', () => {
  const box = { x: 10, y: 20, width: 300, height: 100 }
  const corners = ([a, b, c, d, e, f]) => [[e, f], [a + e, b + f], [c + e, d + f]].flat()
  const expected = {
    plain: [{}, [10, 20, 310, 20, 10, 120]],
    mirrored: [{ flip_h: true }, [310, 20, 10, 20, 310, 120]],
    'upside down': [{ flip_v: true }, [10, 120, 310, 120, 10, 20]],
    'a quarter turn': [{ rotation: 90 }, [210, -80, 210, 220, 110, -80]],
  }
  for (const [changes, places] of Object.values(expected))
    corners(matrixOf(box, { ...DEFAULTS, ...changes })).forEach((value, at) => near(value, places[at], 1e-9))
})

test('values are rounded as the widgets keep them, inside their ranges', () => {
  assert.deepEqual([0.5, 1.5, 2.5, -0.5, 0.49].map(roundHalfEven), [0, 2, 2, 0, 0])
  assert.equal(rounded('offset_x', 12.3449), 12.34)
  assert.equal(rounded('scale', 0.00001), 0.001)
  assert.equal(rounded('offset_y', 1e9), 16384)
  assert.ok(Object.is(rounded('rotation', -0.001), 0))
})
