/**
 * The pictures of all stages, decoded once and forgotten when others were used later.
 *
 * @typedef {import('./drawing.js').Picture} Picture
 * @typedef {import('./placement.js').Size} Size
 * @typedef {{name: string, opaque: boolean}} PictureName a file's name, and whether its transparency is left out
 * @typedef {(name: PictureName) => Promise<{blob: Blob, size: Size} | null>} Load null where there is no such picture
 */

const MOST_PICTURES = 48 // of 1024 pixels a side at most, which is 4 MB each
const ALPHA_SIDE = 256

/** By name; a promise while it is on its way, null where there is none. */
export class Pictures {
  /** @param {Load} load */
  constructor(load) {
    this.load = load
    /** @type {Map<string, Promise<Picture | null>>} */
    this.loading = new Map()
    /** @type {Map<string, Picture | null>} */
    this.ready = new Map()
  }

  /** What is there now; undefined before it has come. @param {PictureName} name */
  get(name) {
    return this.ready.get(keyOf(name))
  }

  /** @param {PictureName} name @returns {Promise<Picture | null>} */
  fetch(name) {
    const key = keyOf(name)
    const known = this.loading.get(key) ?? this.decode(key, name)
    this.loading.delete(key)
    this.loading.set(key, known)
    for (const oldest of [...this.loading.keys()].slice(0, -MOST_PICTURES)) this.forget(oldest)
    return known
  }

  /** @param {string} key */
  forget(key) {
    this.loading.delete(key)
    this.ready.delete(key)
  }

  /** @param {string} key @param {PictureName} name */
  async decode(key, name) {
    const loaded = await this.load(name)
    const picture = loaded && await pictureFrom(loaded.blob, loaded.size)
    this.ready.set(key, picture)
    return picture
  }
}

/** @param {PictureName} name */
function keyOf({ name, opaque }) {
  return `${opaque ? 'opaque' : 'alpha'} ${name}`
}

/** @param {Blob} blob @param {Size} size @returns {Promise<Picture>} */
async function pictureFrom(blob, size) {
  const bitmap = await createImageBitmap(blob)
  return { bitmap, size, alphaAt: alphaReader(bitmap) }
}

/** Alpha 0..1 at a place of the unit square. @param {ImageBitmap} bitmap */
function alphaReader(bitmap) {
  const factor = Math.min(1, ALPHA_SIDE / Math.max(bitmap.width, bitmap.height))
  const [width, height] = [bitmap.width, bitmap.height].map(side => Math.max(1, Math.round(side * factor)))
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true }))
  context.drawImage(bitmap, 0, 0, width, height)
  const { data } = context.getImageData(0, 0, width, height)
  return (/** @type {number} */ u, /** @type {number} */ v) =>
    data[(Math.floor(v * height) * width + Math.floor(u * width)) * 4 + 3] / 255
}
