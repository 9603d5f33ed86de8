// What a stage reads from a graph: which files lie behind the sockets, and who places what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readScene } from '../../web/graph.js'
import { place } from '../../web/stage/placement.js'
import { COVER, extendedSize, withExtension } from '../../web/stage/scene.js'

/** A graph of nodes {id: [class, widgets, {input: [id, slot]}]}. */
function graphOf(nodes) {
  const links = {}
  const graph = { links, getNodeById: id => made[id], getLink: id => links[id] }
  const made = {}
  for (const [id, [comfyClass, widgets, wires = {}, mode = 0]] of Object.entries(nodes))
    made[id] = {
      id, comfyClass, type: comfyClass, mode, graph,
      widgets: Object.entries(widgets).map(([name, value]) => ({ name, value })),
      inputs: Object.entries(wires).map(([name, [origin, slot]]) => {
        const link = `${id} ${name}`
        links[link] = { origin_id: origin, origin_slot: slot }
        return { name, link }
      }),
    }
  return made
}
const load = name => ['LoadImage', { image: name }]
const LOADER = ['MultiEditLoadLayers', { image_1: 'a.png', image_2: 'b.png', image_3: 'none' }]
const scene = (nodes, ran) => readScene(graphOf(nodes).n, ran)
const names = ({ layers }) => layers.map(({ picture }) => picture?.name ?? null)

test('the first image is the base, the others are overlays', () => {
  const { layers, canvas } = scene({
    1: load('a.png'), 2: load('b.png'), n: ['MultiEditCompose', {}, { image_3: [1, 0], image_5: [2, 0] }],
  })
  assert.deepEqual(layers, [
    { number: 3, picture: { name: 'a.png', opaque: true }, fixed: COVER },
    { number: 5, picture: { name: 'b.png', opaque: true } },
  ])
  assert.equal(canvas, null)
})

test("a file's transparency counts where its own mask is wired, and another mask waits for a run", () => {
  const compose = mask => scene({ 1: load('a.png'), 2: load('b.png'), n: ['MultiEditCompose', {}, { image_1: [1, 0], ...mask }] })
  assert.deepEqual(compose({ mask_1: [1, 1] }).layers[0].picture, { name: 'a.png', opaque: false })
  assert.equal(compose({ mask_1: [2, 1] }).layers[0].picture, null)
})

test('what no file gives comes from the last run', () => {
  const nodes = { 1: ['EmptyImage', {}], 2: load('b.png'), n: ['MultiEditCompose', {}, { image_1: [1, 0], image_2: [2, 0] }] }
  assert.deepEqual(names(scene(nodes)), [null, 'b.png'])
  assert.deepEqual(names(scene(nodes, { 1: 'run:1', 2: 'run:2' })), ['run:1', 'b.png'])
})

test('reroutes are followed, and a muted node gives nothing', () => {
  const wired = { image_1: [2, 0] }
  assert.deepEqual(names(scene({ 1: load('a.png'), 2: ['Reroute', {}, { '': [1, 0] }], n: ['MultiEditCompose', {}, wired] })), ['a.png'])
  assert.deepEqual(names(scene({ 2: ['LoadImage', { image: 'a.png' }, {}, 2], n: ['MultiEditCompose', {}, wired] })), [null])
})

test('layers of a loader are placed here, those of another Compose Layers are not', () => {
  const loaded = { l: LOADER, n: ['MultiEditCompose', { scale: 0.5 }, { layers: ['l', 6] }] }
  const direct = scene(loaded)
  assert.deepEqual(names(direct), ['a.png', 'b.png'])
  assert.deepEqual(direct.layers.map(layer => [Boolean(layer.fixed), Boolean(layer.shared)]), [[true, false], [false, true]])
  const chained = scene({
    l: LOADER, 3: load('c.png'), m: loaded.n,
    n: ['MultiEditCompose', { canvas: 'custom', 'canvas.width': 64, 'canvas.height': 32 }, { layers: ['m', 2], image_1: [3, 0] }],
  })
  assert.deepEqual(names(chained), ['a.png', 'b.png', 'c.png'])
  assert.deepEqual(chained.canvas, [64, 32])
  assert.equal(chained.layers[1].fixed.scale, 0.5)
  assert.equal(chained.layers[2].fixed, undefined)
})

test('layers of a node that is not known wait for a run, and then are one', () => {
  const nodes = { x: ['AddLayer', {}], 1: load('a.png'), n: ['MultiEditCompose', {}, { layers: ['x', 0], image_1: [1, 0] }] }
  assert.deepEqual(names(scene(nodes)), [null, 'a.png'])
  assert.deepEqual(names(scene(nodes, { 0: 'run:0' })), ['run:0', 'a.png'])
})

test('Multi-Edit has a stage where images are overlays', () => {
  const edit = widgets => scene({
    1: load('a.png'), 2: load('b.png'), 3: load('c.png'),
    n: ['MultiEditEdit', widgets, { image_1: [1, 0], image_2: [2, 0], image_3: [3, 0] }],
  })
  assert.deepEqual(names(edit({ model: 'layer-composite' })), ['a.png', 'b.png', 'c.png'])
  assert.equal(edit({ model: 'from loader' }).idle, true)
  const one = edit({ model: 'from loader', per_image: '{"3": {"scale": 0.5}}' })
  assert.deepEqual([names(one), one.idle, one.role], [['a.png', 'c.png'], false, 'overlay'])
  assert.deepEqual(names(edit({ model: 'layer-composite', per_image: '{"2": {"role": "reference"}}' })), ['a.png', 'c.png'])
})

test("Multi-Edit's stage has the edit mask and the extension, and is there for them", () => {
  const edit = (widgets, wires, ran) => scene({
    1: load('a.png'), 2: LOADER, 3: ['SolidMask', {}],
    n: ['MultiEditEdit', { model: 'from loader', ...widgets }, { image_1: [1, 0], ...wires }],
  }, ran)
  const shown = ({ mask, extend, idle }) => [mask?.name ?? mask, extend, idle]
  assert.deepEqual(shown(edit({}, {})), [undefined, undefined, true])
  assert.deepEqual(shown(edit({}, { mask: [1, 1] })), ['a.png', undefined, false])
  assert.deepEqual(shown(edit({}, { mask: [2, 3] })), ['b.png', undefined, false])
  assert.deepEqual(shown(edit({}, { mask: [3, 0] })), [null, undefined, false])
  assert.deepEqual(shown(edit({}, { mask: [3, 0] }, { '-1': 'run:m' })), ['run:m', undefined, false])
  assert.deepEqual(shown(edit({ extend: ' 16:9 ' }, {})), [undefined, '16:9', false])
})

test('a base lies in its extension, which covers the canvas', () => {
  const given = { canvas: null, background: null, layers: [{ number: 1, picture: null, fixed: COVER }], numbers: null }
  const added = { left: 100, top: 0, right: 0, bottom: 50, fill: '#102030' }
  assert.deepEqual(extendedSize([300, 200], added), [400, 250])
  assert.deepEqual(extendedSize([300, 200], null), [300, 200])
  const box = canvas => {
    const { background, layers } = withExtension(given, [300, 200], added, canvas)
    assert.equal(background, '#102030')
    return place(layers[0].fixed, [300, 200], canvas)
  }
  assert.deepEqual(box([400, 250]), { x: 100, y: 0, width: 300, height: 200 })
  assert.deepEqual(box([800, 500]), { x: 200, y: 0, width: 600, height: 400 })
  assert.deepEqual(box([400, 125]), { x: 100, y: -62, width: 300, height: 200 })
})

test("Multi-Edit's canvas follows from a ratio or a tier, else it is the base's", () => {
  const edit = widgets => scene({ n: ['MultiEditEdit', { model: 'layer-composite', ...widgets }] }).sizing
  assert.equal(edit({ 'model.aspect_ratio': 'auto', 'model.resolution': 'auto' }), undefined)
  assert.equal(edit({ 'model.aspect_ratio': 'auto', 'model.resolution': '2K', keep_size: true }), undefined)
  assert.deepEqual(edit({ 'model.aspect_ratio': '16:9', 'model.resolution': 'auto' }),
    { model: 'layer-composite', aspect_ratio: '16:9', resolution: 'auto' })
})

test('numbers that cannot be read are left alone', () => {
  assert.equal(scene({ n: ['MultiEditCompose', { per_image: '{' }] }).numbers, null)
  assert.equal(scene({ n: ['MultiEditCompose', { z_index: -3 }] }).numbers.shared.z, -3)
})
