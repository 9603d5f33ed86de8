/**
 * Composites layers as a run does, on the graphics card: all 26 modes, each in its own light.
 *
 * The formulas are those of pipelines/layers/blend.py, composite.py and light.py, written here for GLSL. Layers lie over
 * each other in linear light and 16-bit floats with straight alpha. One context serves all stages of a page, since a
 * browser gives out few.
 *
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./placement.js').Size} Size
 * @typedef {import('./drawing.js').PictureOf} PictureOf
 * @typedef {{target: WebGLTexture, frame: WebGLFramebuffer}} Sheet
 */
import { MODES } from './modes.js'
import { matrixOf, place } from './placement.js'

const MOST_TEXTURES = 48

const VERTEX = `#version 300 es
in vec2 corner;
uniform mat3 toCanvas;   // from the picture's unit square to the canvas, 0..1
out vec2 picturePlace;
void main() {
  picturePlace = corner;
  vec3 at = toCanvas * vec3(corner, 1.0);
  gl_Position = vec4(at.xy * 2.0 - 1.0, 0.0, 1.0);
}`

const LIGHT = `
const float TINY = 1e-6;
vec3 toLinear(vec3 c) {
  return mix(pow((max(c, 0.0) + 0.055) / 1.055, vec3(2.4)), c / 12.92, lessThanEqual(c, vec3(0.04045)));
}
vec3 toEncoded(vec3 c) {
  return mix(1.055 * pow(max(c, 0.0), vec3(1.0 / 2.4)) - 0.055, c * 12.92, lessThanEqual(c, vec3(0.0031308)));
}`

// b is the backdrop, l the layer, both in the mode's light.
const BLEND = `
float ratio(float n, float d) { return abs(d) < TINY ? 0.0 : n / d; }
float dodge1(float b, float l) {
  float bright = 1.0 - l <= TINY ? 1.0 : min(ratio(b, 1.0 - l), 1.0);
  return b <= 0.0 ? 0.0 : bright;
}
float burn1(float b, float l) {
  float dark = l <= TINY ? 0.0 : 1.0 - min(ratio(1.0 - b, l), 1.0);
  return b >= 1.0 ? 1.0 : dark;
}
vec3 dodge(vec3 b, vec3 l) { return vec3(dodge1(b.r, l.r), dodge1(b.g, l.g), dodge1(b.b, l.b)); }
vec3 burn(vec3 b, vec3 l) { return vec3(burn1(b.r, l.r), burn1(b.g, l.g), burn1(b.b, l.b)); }
vec3 choose(bvec3 which, vec3 yes, vec3 no) { return mix(no, yes, which); }
float low(vec3 c) { return min(c.r, min(c.g, c.b)); }
float high(vec3 c) { return max(c.r, max(c.g, c.b)); }
float luminance(vec3 c) { return dot(c, vec3(0.2224884, 0.71690369, 0.06060791)); }

vec3 hue(vec3 b, vec3 l) {
  float spread = high(l) - low(l);
  if (spread <= TINY) return b;
  float factor = (high(b) - low(b)) / spread;
  return l * factor + (high(b) - high(l) * factor);
}
vec3 saturation(vec3 b, vec3 l) {
  float top = high(b), spread = top - low(b);
  if (spread <= TINY) return vec3(top);
  float share = high(l) == 0.0 ? 0.0 : (high(l) - low(l)) / high(l);
  float factor = share * top / spread;
  return b * factor + (1.0 - factor) * top;
}
vec3 color(vec3 b, vec3 l) {
  float light = (low(b) + high(b)) / 2.0, own = (low(l) + high(l)) / 2.0;
  if (abs(own) <= TINY || abs(1.0 - own) <= TINY) return vec3(light);
  float reach = min(light, 1.0 - light), factor = reach / min(own, 1.0 - own);
  float offset = light > 0.5 ? 1.0 - 2.0 * reach : 0.0;
  if (own > 0.5) offset += 2.0 * reach - factor;
  return l * factor + offset;
}
vec3 luminosity(vec3 b, vec3 l) {
  float present = luminance(b);
  return present <= TINY ? vec3(luminance(l)) : b * (luminance(l) / present);
}
vec3 blend(int mode, vec3 b, vec3 l) {
  switch (mode) {
    MODE_CASES
  }
  return l;
}`

/** @type {Readonly<Record<string, string>>} */
const FORMULAS = {
  normal: 'l',
  multiply: 'b * l',
  screen: 'b + l - b * l',
  overlay: 'choose(lessThan(b, vec3(0.5)), 2.0 * b * l, 1.0 - 2.0 * (1.0 - l) * (1.0 - b))',
  darken: 'min(b, l)',
  lighten: 'max(b, l)',
  'color-dodge': 'dodge(b, l)',
  'color-burn': 'burn(b, l)',
  'hard-light': `choose(greaterThan(l, vec3(0.5)), min(1.0 - (1.0 - b) * (2.0 - 2.0 * l), 1.0),
    min(2.0 * b * l, 1.0))`,
  'soft-light': '(b + 2.0 * l * (1.0 - b)) * b',
  difference: 'abs(b - l)',
  exclusion: '0.5 - 2.0 * (b - 0.5) * (l - 0.5)',
  'linear-dodge': 'b + l',
  'linear-burn': 'b + l - 1.0',
  'vivid-light': 'choose(lessThanEqual(l, vec3(0.5)), burn(b, 2.0 * l), dodge(b, 2.0 * l - 1.0))',
  'pin-light': 'choose(greaterThan(l, vec3(0.5)), max(b, 2.0 * l - 1.0), min(b, 2.0 * l))',
  'linear-light': 'b + 2.0 * l - 1.0',
  'hard-mix': 'step(vec3(1.0), b + l)',
  subtract: 'max(b - l, 0.0)',
  divide: 'clamp(b / max(l, TINY), 0.0, 1.0)',
  'grain-extract': 'b - l + 0.5',
  'grain-merge': 'b + l - 0.5',
  hue: 'hue(b, l)',
  saturation: 'saturation(b, l)',
  color: 'color(b, l)',
  luminosity: 'luminosity(b, l)',
}

const NAMES = Object.keys(MODES)
const CASES = NAMES.map((name, at) => `case ${at}: return ${FORMULAS[name]};`).join('\n    ')

const LAYER = `#version 300 es
precision highp float;
precision highp int;
uniform sampler2D picture;
uniform sampler2D under;
uniform int mode;
uniform bool perceptual, covers;
uniform float opacity;
in vec2 picturePlace;
out vec4 result;
${LIGHT}
${BLEND.replace('MODE_CASES', CASES)}
void main() {
  vec4 top = texture(picture, picturePlace);
  if (top.a > 0.0) top.rgb /= top.a;   // filtered premultiplied, as a resize mixes
  vec4 canvas = texelFetch(under, ivec2(gl_FragCoord.xy), 0);
  vec3 mixed = perceptual
    ? toLinear(blend(mode, toEncoded(canvas.rgb), top.rgb))
    : blend(mode, canvas.rgb, toLinear(top.rgb));
  float weight = opacity * top.a, alpha = canvas.a;
  if (covers) {
    alpha += weight * (1.0 - alpha);
    weight /= max(alpha, 1e-12);
  } else if (alpha <= 0.0) weight = 0.0;
  result = vec4(mix(canvas.rgb, mixed, weight), alpha);
}`

const SHOW = `#version 300 es
precision highp float;
uniform sampler2D under;
out vec4 result;
${LIGHT}
void main() {
  ivec2 size = textureSize(under, 0), at = ivec2(gl_FragCoord.xy);
  vec4 canvas = texelFetch(under, ivec2(at.x, size.y - 1 - at.y), 0);
  result = vec4(clamp(toEncoded(canvas.rgb), 0.0, 1.0) * canvas.a, canvas.a);
}`

const WHOLE = [1, 0, 0, 0, 1, 0, 0, 0, 1]

/** The compositor of a page. */
export class Blender {
  /** Null where the browser has no WebGL2 with float targets. @returns {Blender | null} */
  static make() {
    const canvas = new OffscreenCanvas(1, 1)
    const gl = canvas.getContext('webgl2', { antialias: false })
    return gl && gl.getExtension('EXT_color_buffer_float') ? new Blender(canvas, gl) : null
  }

  /** @param {OffscreenCanvas} canvas @param {WebGL2RenderingContext} gl */
  constructor(canvas, gl) {
    this.canvas = canvas
    this.gl = gl
    this.layer = programOf(gl, LAYER)
    this.show = programOf(gl, SHOW)
    /** @type {Map<ImageBitmap, WebGLTexture>} */
    this.textures = new Map()
    /** @type {Sheet[]} */
    this.sheets = []
    const corners = gl.createBuffer()
    gl.bindBuffer(gl.ARRAY_BUFFER, corners)
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW)
    gl.enableVertexAttribArray(0)
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0)
  }

  get lost() {
    return this.gl.isContextLost()
  }

  /**
   * Layers over each other; a layer whose picture is missing is left out.
   * @param {Layer[]} layers from the bottom @param {Size} canvas in the layers' pixels @param {Size} size of the result
   * @param {PictureOf} pictureOf @param {[number, number, number] | null} background sRGB 0..1
   * @returns {OffscreenCanvas} holds until the next call
   */
  paint(layers, canvas, size, pictureOf, background = null) {
    const { gl } = this
    this.resize(size)
    gl.viewport(0, 0, ...size)
    this.clear(background)
    for (const layer of layers) {
      const picture = pictureOf(layer)
      if (picture && layer.placement.visible) this.lay(layer, canvas, this.textureOf(picture.bitmap))
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, null)
    gl.useProgram(this.show)
    this.bind(0, this.sheets[0].target, this.show, 'under')
    gl.uniformMatrix3fv(gl.getUniformLocation(this.show, 'toCanvas'), false, WHOLE)
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4)
    return this.canvas
  }

  /** @param {[number, number, number] | null} background */
  clear(background) {
    const { gl } = this
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.sheets[0].frame)
    gl.clearColor(...linear(background ?? [0, 0, 0]), background ? 1 : 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
  }

  /** Lay one layer on: what is under it is copied first, since a target cannot be read. @param {Layer} layer @param {Size} canvas @param {WebGLTexture} texture */
  lay({ placement, size }, canvas, texture) {
    const { gl, layer: program, sheets: [target, copy] } = this
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, target.frame)
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, copy.frame)
    const { width, height } = this.canvas
    gl.blitFramebuffer(0, 0, width, height, 0, 0, width, height, gl.COLOR_BUFFER_BIT, gl.NEAREST)
    gl.bindFramebuffer(gl.FRAMEBUFFER, target.frame)
    gl.useProgram(program)
    this.bind(0, texture, program, 'picture')
    this.bind(1, copy.target, program, 'under')
    const [light, coverage] = MODES[placement.blend_mode]
    const set = (/** @type {string} */ name) => gl.getUniformLocation(program, name)
    gl.uniform1i(set('mode'), NAMES.indexOf(placement.blend_mode))
    gl.uniform1i(set('perceptual'), Number(light === 'perceptual'))
    gl.uniform1i(set('covers'), Number(coverage === 'union'))
    gl.uniform1f(set('opacity'), placement.opacity)
    const [a, b, c, d, e, f] = matrixOf(place(placement, size, canvas), placement)
    const [x, y] = canvas
    gl.uniformMatrix3fv(set('toCanvas'), false, [a / x, b / y, 0, c / x, d / y, 0, e / x, f / y, 1])
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4)
  }

  /** @param {number} unit @param {WebGLTexture} texture @param {WebGLProgram} program @param {string} name */
  bind(unit, texture, program, name) {
    const { gl } = this
    gl.activeTexture(gl.TEXTURE0 + unit)
    gl.bindTexture(gl.TEXTURE_2D, texture)
    gl.uniform1i(gl.getUniformLocation(program, name), unit)
  }

  /** Two sheets of floats: the canvas, and a copy of it to read from. @param {Size} size */
  resize([width, height]) {
    const { gl, canvas } = this
    if (this.sheets.length && canvas.width === width && canvas.height === height) return
    for (const { target, frame } of this.sheets) {
      gl.deleteTexture(target)
      gl.deleteFramebuffer(frame)
    }
    Object.assign(canvas, { width, height })
    this.sheets = [0, 1].map(() => {
      const target = newTexture(gl, gl.NEAREST)
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA16F, width, height)
      const frame = /** @type {WebGLFramebuffer} */ (gl.createFramebuffer())
      gl.bindFramebuffer(gl.FRAMEBUFFER, frame)
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, target, 0)
      return { target, frame }
    })
  }

  /** @param {ImageBitmap} bitmap */
  textureOf(bitmap) {
    const { gl, textures } = this
    const texture = textures.get(bitmap) ?? upload(gl, bitmap)
    textures.delete(bitmap)
    textures.set(bitmap, texture)
    for (const oldest of [...textures.keys()].slice(0, -MOST_TEXTURES)) {
      gl.deleteTexture(textures.get(oldest) ?? null)
      textures.delete(oldest)
    }
    return texture
  }
}

/** @param {[number, number, number]} encoded @returns {[number, number, number]} */
function linear(encoded) {
  const one = (/** @type {number} */ c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  return [one(encoded[0]), one(encoded[1]), one(encoded[2])]
}

/** @param {WebGL2RenderingContext} gl @param {number} filter @returns {WebGLTexture} */
function newTexture(gl, filter) {
  const texture = /** @type {WebGLTexture} */ (gl.createTexture())
  gl.bindTexture(gl.TEXTURE_2D, texture)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter === gl.NEAREST ? gl.NEAREST : gl.LINEAR)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE)
  return texture
}

/** A bitmap is premultiplied, so that what is transparent does not colour its neighbours. @param {WebGL2RenderingContext} gl @param {ImageBitmap} bitmap */
function upload(gl, bitmap) {
  const texture = newTexture(gl, gl.LINEAR_MIPMAP_LINEAR)
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, bitmap)
  gl.generateMipmap(gl.TEXTURE_2D)
  return texture
}

/** @param {WebGL2RenderingContext} gl @param {string} fragment */
function programOf(gl, fragment) {
  const program = gl.createProgram()
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(Number(kind)))
    gl.shaderSource(shader, String(source))
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.bindAttribLocation(program, 0, 'corner')
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`shader: ${gl.getProgramInfoLog(program)}`)
  return program
}
