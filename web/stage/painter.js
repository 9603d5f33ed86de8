/**
 * Paints the layers of a stage into its frame: by the shader, or in 2D where a browser has none.
 *
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./placement.js').Size} Size
 * @typedef {import('./drawing.js').PictureOf} PictureOf
 * @typedef {import('./drawing.js').View} View
 */
import { Blender } from './blend.js'
import { paintLayers } from './drawing.js'

// A shader that runs in software, as without a graphics card, holds the hand up.
const SLOW_MS = 50
const MOST_SLOW = 3

/** One for all stages of a page. */
export class Painter {
  constructor() {
    /** @type {Blender | null | undefined} undefined until it is needed */
    this.blender = undefined
    this.slow = 0
  }

  /**
   * @param {CanvasRenderingContext2D} context in element pixels, `ratio` device pixels each
   * @param {Layer[]} layers from the bottom @param {Size} canvas @param {View} look @param {number} ratio
   * @param {PictureOf} pictureOf @param {string | null} background a colour as #rrggbb
   */
  paint(context, layers, canvas, look, ratio, pictureOf, background) {
    const [width, height] = canvas.map(side => side * look.zoom)
    if (this.blender === undefined || this.blender?.lost) this.blender = Blender.make()
    if (this.blender) {
      const started = performance.now()
      const size = /** @type {Size} */ ([width, height].map(side => Math.max(1, Math.round(side * ratio))))
      const shown = this.blender.paint(layers, canvas, size, pictureOf, background ? channelsOf(background) : null)
      context.drawImage(shown, look.left, look.top, width, height)
      this.slow = performance.now() - started > SLOW_MS ? this.slow + 1 : 0
      if (this.slow >= MOST_SLOW) this.blender = null
      return
    }
    if (background) {
      context.fillStyle = background
      context.fillRect(look.left, look.top, width, height)
    }
    context.save()
    context.translate(look.left, look.top)
    context.scale(look.zoom, look.zoom)
    paintLayers(context, layers, canvas, pictureOf)
    context.restore()
  }
}

/** @param {string} colour @returns {[number, number, number]} */
function channelsOf(colour) {
  const value = parseInt(colour.slice(1, 7), 16)
  return [((value >> 16) & 255) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255]
}
