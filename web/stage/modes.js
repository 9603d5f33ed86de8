/**
 * The 26 blend modes: the light in which a layer and what is under it meet, and whether the layer adds its coverage
 * to the canvas or shows only where that has some. pipelines/layers/modes.py has the same table.
 *
 * @type {Readonly<Record<string, [light: string, coverage: string]>>}
 */
export const MODES = {
  normal: ['linear', 'union'], multiply: ['linear', 'backdrop'], darken: ['linear', 'backdrop'],
  lighten: ['linear', 'backdrop'], 'linear-dodge': ['linear', 'backdrop'], subtract: ['linear', 'backdrop'],
  divide: ['linear', 'backdrop'], luminosity: ['linear', 'backdrop'], screen: ['perceptual', 'backdrop'],
  overlay: ['perceptual', 'backdrop'], 'color-dodge': ['perceptual', 'backdrop'],
  'color-burn': ['perceptual', 'backdrop'], 'hard-light': ['perceptual', 'backdrop'],
  'soft-light': ['perceptual', 'backdrop'], difference: ['perceptual', 'backdrop'],
  exclusion: ['perceptual', 'backdrop'], 'linear-burn': ['perceptual', 'backdrop'],
  'vivid-light': ['perceptual', 'backdrop'], 'pin-light': ['perceptual', 'backdrop'],
  'linear-light': ['perceptual', 'backdrop'], 'hard-mix': ['perceptual', 'backdrop'],
  'grain-extract': ['perceptual', 'backdrop'], 'grain-merge': ['perceptual', 'backdrop'],
  hue: ['perceptual', 'backdrop'], saturation: ['perceptual', 'backdrop'], color: ['perceptual', 'backdrop'],
}
