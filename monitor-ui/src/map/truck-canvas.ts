import { type Fleet, type Front, STRIDE_BYTES } from './fleet.ts';
import { pixelsPerUnit, unitX, unitY } from './mercator.ts';
import { FRAGMENT_SHADER, VERTEX_SHADER } from './truck-shader.ts';
import { oneOf } from './truck-share.ts';

/** What changes how all trucks are drawn. */
export interface TruckLook {
  /** Size of a body in CSS pixels. */
  bodyPx: number;
  /** Smallest size of a red truck's body, CSS pixels. */
  redPx: number;
  selectedSlot: number;
  /** 0 fresh, 1 stale: colours fade and nothing pulses, so that old data is not taken for new. */
  stale: number;
  /** Whether rings may move. */
  motion: boolean;
  /** So many trucks overlap that green and idle ones are drawn as lights that add up to a density. */
  crowded: boolean;
}

/** Centre and zoom of the map, which is flat and north-up. */
export interface Camera {
  lon: number;
  lat: number;
  zoom: number;
  /** CSS pixels of the centre in the canvas. */
  x: number;
  y: number;
}

const UNIFORMS = [
  'u_centre',
  'u_scale',
  'u_origin',
  'u_view',
  'u_now',
  'u_body',
  'u_red',
  'u_one_of',
  'u_selected',
  'u_stale',
  'u_motion',
  'u_crowded',
] as const;
type Uniform = (typeof UNIFORMS)[number];

/** Locks on the GPU, one instance each. */
interface Instances {
  array: WebGLVertexArrayObject;
  buffer: WebGLBuffer;
  bytes: number;
}

interface Gpu {
  gl: WebGL2RenderingContext;
  program: WebGLProgram;
  /** All locks by slot, of which the green and idle ones are drawn from here. */
  all: Instances;
  /** Amber and silent ones and the selected one, then red ones: few, and drawn above all others. */
  front: Instances;
  uniforms: Record<Uniform, WebGLUniformLocation | null>;
}

/** Largest side of a canvas, device pixels; larger ones get a lower resolution. Enough for 32:9 at twice full HD. */
export const MOST_CANVAS_PX = 8_192;
/** Names of renderers that use the processor: Chromium's, Mesa's, and that of Windows. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
/** Weight of the newest frame in the running mean of the cost. */
const NEWEST = 0.3;

/**
 * All trucks, interpolated on the GPU between the last two positions reported: the green and idle ones first, then amber and
 * silent ones, then red ones, so that nothing covers red. Has its own canvas above the map, because the map
 * changes only with the camera and is expensive to draw. The map is always north-up and flat, so that positions stay
 * integers until the centre is subtracted (9 mm at any zoom).
 */
export class TruckCanvas {
  readonly element: HTMLCanvasElement;
  readonly look: TruckLook = { bodyPx: 9, redPx: 11, selectedSlot: -1, stale: 0, motion: true, crowded: false };
  /** The browser draws with the processor: there is no graphics card, or it may not be used. */
  isSoftware = false;
  /** Time that a frame takes to draw, ms; a running mean. */
  costMs = 0;
  /** Of how many lights of a crowd one is drawn. */
  oneOf = 1;
  #fleet: Fleet;
  #gpu: Gpu | undefined;
  #drawing: { sync: WebGLSync; sinceMs: number } | undefined;
  #front: Front = { bytes: new Uint8Array(0), calm: 0, red: 0, selected: -1 };
  #selectedSlot = -1;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.element = document.createElement('canvas');
    Object.assign(this.element.style, { position: 'absolute', inset: '0', pointerEvents: 'none' });
    this.element.addEventListener('webglcontextlost', (event) => {
      // Otherwise the browser does not restore the context.
      event.preventDefault();
      this.#gpu = undefined;
      this.#drawing = undefined;
    });
    this.element.addEventListener('webglcontextrestored', () => this.#begin());
    this.#begin();
  }

  resize(width: number, height: number, ratio: number): void {
    const scale = Math.min(ratio, MOST_CANVAS_PX / Math.max(width, 1), MOST_CANVAS_PX / Math.max(height, 1));
    this.element.width = Math.round(width * scale);
    this.element.height = Math.round(height * scale);
    this.element.style.width = `${width}px`;
    this.element.style.height = `${height}px`;
  }

  /** Whether the GPU is still drawing the last frame; if it has just finished, updates `costMs`. */
  busy(nowMs: number): boolean {
    if (!this.#gpu || !this.#drawing) return false;
    const { gl } = this.#gpu;
    if (gl.getSyncParameter(this.#drawing.sync, gl.SYNC_STATUS) !== gl.SIGNALED) return true;
    gl.deleteSync(this.#drawing.sync);
    const tookMs = nowMs - this.#drawing.sinceMs;
    this.costMs += NEWEST * (tookMs - this.costMs);
    this.oneOf = this.look.crowded ? oneOf(this.oneOf, tookMs) : 1;
    this.#drawing = undefined;
    return false;
  }

  draw(camera: Camera, nowMs: number): void {
    if (!this.#gpu || this.#gpu.gl.isContextLost()) return;
    const { gl, uniforms } = this.#gpu;
    gl.viewport(0, 0, this.element.width, this.element.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.#fleet.count === 0) return;
    this.#upload(this.#gpu);
    this.#setUniforms(this.#gpu, camera, nowMs);
    const { all, front } = this.#gpu;
    gl.uniform1i(uniforms.u_one_of, this.look.crowded ? this.oneOf : 1);
    gl.uniform1i(uniforms.u_selected, -1);
    if (this.#fleet.held('green') + this.#fleet.held('idle') > 0) drawInstances(gl, all, this.#fleet.count);
    gl.uniform1i(uniforms.u_one_of, 0);
    gl.uniform1i(uniforms.u_selected, this.#front.selected);
    drawInstances(gl, front, this.#front.calm + this.#front.red);
    gl.bindVertexArray(null);
    const sync = this.#drawing ? null : gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (sync) this.#drawing = { sync, sinceMs: nowMs };
    gl.flush();
  }

  close(): void {
    this.#gpu?.gl.getExtension('WEBGL_lose_context')?.loseContext();
    this.#gpu = undefined;
    this.element.remove();
  }

  #begin(): void {
    const gl = this.element.getContext('webgl2', { antialias: false, depth: false, premultipliedAlpha: true });
    if (!gl) throw new Error('this browser has no WebGL2');
    if (gl.isContextLost()) return;
    this.#gpu = build(gl);
    this.isSoftware = SOFTWARE.test(rendererOf(gl));
    this.#fleet.touchAll();
  }

  #setUniforms({ gl, program, uniforms }: Gpu, camera: Camera, nowMs: number): void {
    const { look } = this;
    gl.useProgram(program);
    gl.uniform2i(uniforms.u_centre, unitX(camera.lon), unitY(camera.lat));
    gl.uniform1f(uniforms.u_scale, pixelsPerUnit(camera.zoom));
    gl.uniform2f(uniforms.u_origin, camera.x, camera.y);
    gl.uniform2f(uniforms.u_view, this.element.clientWidth, this.element.clientHeight);
    gl.uniform1f(uniforms.u_now, nowMs - this.#fleet.epochMs);
    gl.uniform1f(uniforms.u_body, look.bodyPx);
    gl.uniform1f(uniforms.u_red, look.redPx);
    gl.uniform1f(uniforms.u_stale, look.stale);
    gl.uniform1f(uniforms.u_motion, look.motion && look.stale === 0 ? 1 : 0);
    gl.uniform1i(uniforms.u_crowded, look.crowded ? 1 : 0);
  }

  #upload({ gl, all, front }: Gpu): void {
    const dirty = this.#fleet.takeDirty();
    const { selectedSlot } = this.look;
    if (!dirty && selectedSlot === this.#selectedSlot) return;
    this.#selectedSlot = selectedSlot;
    this.#front = this.#fleet.front(selectedSlot);
    gl.bindBuffer(gl.ARRAY_BUFFER, front.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, this.#front.bytes, gl.DYNAMIC_DRAW);
    if (dirty) uploadChanged(gl, all, this.#fleet.bytes, dirty);
    gl.bindBuffer(gl.ARRAY_BUFFER, null);
  }
}

function uploadChanged(gl: WebGL2RenderingContext, all: Instances, bytes: Uint8Array, [from, to]: [number, number]) {
  gl.bindBuffer(gl.ARRAY_BUFFER, all.buffer);
  if (all.bytes !== bytes.byteLength) {
    gl.bufferData(gl.ARRAY_BUFFER, bytes, gl.DYNAMIC_DRAW);
    all.bytes = bytes.byteLength;
    return;
  }
  const at = from * STRIDE_BYTES;
  gl.bufferSubData(gl.ARRAY_BUFFER, at, bytes, at, (to + 1) * STRIDE_BYTES - at);
}

function rendererOf(gl: WebGL2RenderingContext): string {
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

function build(gl: WebGL2RenderingContext): Gpu {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX_SHADER],
    [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
  ] as const) {
    const shader = gl.createShader(type);
    if (!shader) throw new Error('no WebGL2 shader to be had: the context is lost');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`truck shader: ${gl.getProgramInfoLog(program)}`);
  }
  const uniforms = Object.fromEntries(
    UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]),
  ) as Gpu['uniforms'];
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  gl.clearColor(0, 0, 0, 0);
  return { gl, program, all: instances(gl), front: instances(gl), uniforms };
}

/** One lock's bytes (see fleet.ts) as the attributes of one instance. */
function instances(gl: WebGL2RenderingContext): Instances {
  const array = gl.createVertexArray();
  const buffer = gl.createBuffer();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  const attributes = [
    () => gl.vertexAttribIPointer(0, 4, gl.INT, STRIDE_BYTES, 0),
    () => gl.vertexAttribPointer(1, 2, gl.FLOAT, false, STRIDE_BYTES, 16),
    () => gl.vertexAttribIPointer(2, 2, gl.UNSIGNED_BYTE, STRIDE_BYTES, 24),
    () => gl.vertexAttribIPointer(3, 1, gl.UNSIGNED_SHORT, STRIDE_BYTES, 26),
  ];
  attributes.forEach((describe, location) => {
    gl.enableVertexAttribArray(location);
    describe();
    gl.vertexAttribDivisor(location, 1);
  });
  gl.bindVertexArray(null);
  gl.bindBuffer(gl.ARRAY_BUFFER, null);
  return { array, buffer, bytes: -1 };
}

function drawInstances(gl: WebGL2RenderingContext, { array }: Instances, count: number): void {
  if (count === 0) return;
  gl.bindVertexArray(array);
  gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
}
