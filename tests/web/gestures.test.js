// Drags, handles, keys, snapping and picking, by the boxes they end in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULTS, place, toCanvas } from '../../web/stage/placement.js'
import { keyChanges, startGesture, stepOf } from '../../web/stage/gestures.js'
import { handleAt, handlesOf, isInside, layerAt } from '../../web/stage/picking.js'
import { linesOf, snapBox } from '../../web/stage/snapping.js'

const CANVAS = [1000, 600]
const SIZE = [100, 200]
const layer = (changes = {}, number = 2) =>
  ({ number, size: SIZE, placement: { ...DEFAULTS, fit: 'none', ...changes } })
const boxAfter = (of, changes) => place({ ...of.placement, ...changes }, of.size, CANVAS)
const near = (a, b, most = 0.5) => assert.ok(Math.abs(a - b) <= most, `${a} is not near ${b}`)

test('a drag moves by what the pointer moved, with any anchor', () => {
  for (const anchor of ['center', 'bottom-right', 'top-left']) {
    const dragged = layer({ anchor })
    const before = place(dragged.placement, SIZE, CANVAS)
    const gesture = startGesture('move', [0, 0], dragged, CANVAS, [500, 300])
    const after = boxAfter(dragged, stepOf(gesture, [540, 289]).changes)
    assert.deepEqual([after.x - before.x, after.y - before.y], [40, -11])
  }
})

test('Shift keeps a drag level or upright', () => {
  const gesture = startGesture('move', [0, 0], layer(), CANVAS, [0, 0])
  assert.deepEqual(stepOf(gesture, [40, 3], { straight: true }).changes, { offset_x: 4, offset_y: 0 })
})

test('a drag snaps to a line within reach and shows it', () => {
  const gesture = startGesture('move', [0, 0], layer(), CANVAS, [0, 0])
  const lines = linesOf(CANVAS, [])
  const { changes, guides } = stepOf(gesture, [-444, 5], { lines, reach: 8 })
  assert.deepEqual(boxAfter(layer(), changes), { x: 0, y: 200, width: 100, height: 200 })
  assert.deepEqual(guides, [{ axis: 'x', at: 0 }, { axis: 'y', at: 200 }])
  assert.deepEqual(stepOf(gesture, [-444, 5], { lines, reach: 2 }).guides, [])
})

test('edges and centres of another layer hold a moved one', () => {
  const lines = linesOf(CANVAS, [{ x: 700, y: 50, width: 60, height: 60 }])
  assert.deepEqual(snapBox({ x: 757, y: 300, width: 99, height: 10 }, lines, 5),
    { dx: 3, dy: 0, guides: [{ axis: 'x', at: 760 }, { axis: 'y', at: 300 }] })
})

test('a handle scales about the opposite one, turned or not', () => {
  for (const rotation of [0, 30, -120]) {
    const scaled = layer({ rotation, scale: 1 })
    const before = place(scaled.placement, SIZE, CANVAS)
    const fixed = toCanvas([-50, -100], before, rotation)
    const handle = toCanvas([50, 100], before, rotation)
    const to = [fixed[0] + 2 * (handle[0] - fixed[0]), fixed[1] + 2 * (handle[1] - fixed[1])]
    const { changes } = stepOf(startGesture('scale', [1, 1], scaled, CANVAS, handle), to)
    const after = boxAfter(scaled, changes)
    assert.equal(changes.scale, 2)
    const still = toCanvas([-after.width / 2, -after.height / 2], after, rotation)
    near(still[0], fixed[0], 0.8)
    near(still[1], fixed[1], 0.8)
  }
})

test('scaling stops at the smallest scale and holds at the original size', () => {
  const gesture = startGesture('scale', [1, 0], layer({ scale: 0.8 }), CANVAS, [540, 300])
  assert.equal(stepOf(gesture, [-9000, 300]).changes.scale, 0.001)
  assert.equal(stepOf(gesture, [557, 300], { lines: { x: [], y: [] }, reach: 8 }).changes.scale, 1)
})

test('the rotate handle turns about the centre, in steps with Shift', () => {
  const gesture = startGesture('rotate', [0, -1], layer({ rotation: 10 }), CANVAS, [500, 100])
  assert.equal(stepOf(gesture, [700, 300]).changes.rotation, 100)
  assert.equal(stepOf(gesture, [700, 300], { straight: true }).changes.rotation, 105)
  assert.equal(stepOf(gesture, [300, 300]).changes.rotation, -80)
})

test('keys move by whole pixels and change what they say', () => {
  const before = place(layer().placement, SIZE, CANVAS)
  const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  for (const [key, [dx, dy]] of Object.entries(keys))
    for (const [shift, pixels] of [[false, 1], [true, 10]]) {
      const after = boxAfter(layer(), keyChanges(key, shift, layer(), CANVAS))
      assert.deepEqual([after.x - before.x, after.y - before.y], [dx * pixels, dy * pixels])
    }
  const others = { '+': { scale: 1.011 }, '-': { scale: 0.99 }, '[': { rotation: -1 }, ']': { rotation: 1 },
    h: { flip_h: true }, V: { flip_v: true } }
  for (const [key, changes] of Object.entries(others))
    assert.deepEqual(keyChanges(key, false, layer(), CANVAS), changes)
  assert.equal(keyChanges('q', false, layer(), CANVAS), null)
})

test('even the smallest layer can be made larger by a key', () => {
  const small = layer({ scale: 0.001 })
  assert.equal(keyChanges('+', false, small, CANVAS).scale, 0.002)
})

test('the nearest handle within reach is taken', () => {
  const handles = handlesOf({ x: 0, y: 0, width: 100, height: 50 }, 0, 20)
  assert.deepEqual(handleAt(handles, [98, 3], 8)?.handle, [1, -1])
  assert.equal(handleAt(handles, [50, -19], 8)?.kind, 'rotate')
  assert.equal(handleAt(handles, [50, 25], 8), undefined)
})

test('the topmost layer that shows under the pointer is picked', () => {
  const leftHalf = (number, u) => (number === 3 && u > 0.5 ? 0 : 1)
  const layers = [layer({}, 2), layer({}, 3)]
  const pick = (point, given = layers) => layerAt(given, CANVAS, point, leftHalf)?.number
  assert.equal(pick([460, 300]), 3)
  assert.equal(pick([540, 300]), 2)
  assert.equal(pick([10, 10]), undefined)
  assert.equal(pick([460, 300], [layer({}, 2), layer({ flip_h: true }, 3)]), 2)
  assert.equal(pick([460, 300], [layer({ z: 1 }, 2), layer({}, 3)]), 2)
  assert.equal(pick([460, 300], [layer({}, 2), layer({ visible: false }, 3)]), 2)
  assert.ok(isInside(layer({ rotation: 90 }), CANVAS, [410, 300]))
  assert.ok(!isInside(layer(), CANVAS, [410, 300]))
})
