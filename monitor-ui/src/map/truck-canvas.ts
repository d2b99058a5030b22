import { type Fleet, STRIDE_BYTES } from './fleet.ts';
import { pixelsPerUnit, unitX, unitY } from './mercator.ts';
import { FRAGMENT_SHADER, VERTEX_SHADER } from './truck-shader.ts';

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
  'u_pass',
  'u_selected',
  'u_stale',
  'u_motion',
  'u_crowded',
] as const;
type Uniform = (typeof UNIFORMS)[number];

interface Gpu {
  gl: WebGL2RenderingContext;
  program: WebGLProgram;
  array: WebGLVertexArrayObject;
  buffer: WebGLBuffer;
  bufferBytes: number;
  uniforms: Record<Uniform, WebGLUniformLocation | null>;
}

/** Largest side of a canvas, device pixels; larger ones get a lower resolution. Enough for 32:9 at twice full HD. */
export const MOST_CANVAS_PX = 8_192;
/** Weight of the newest frame in the running mean of the cost. */
const NEWEST = 0.3;

/**
 * All trucks in one instanced draw, interpolated on the GPU between the last two positions reported; drawn in passes
 * (green and idle, amber and silent, red), so that nothing covers red. Has its own canvas above the map, because the map
 * changes only with the camera and is expensive to draw. The map is always north-up and flat, so that positions stay
 * integers until the centre is subtracted (9 mm at any zoom).
 */
export class TruckCanvas {
  readonly element: HTMLCanvasElement;
  readonly look: TruckLook = { bodyPx: 9, redPx: 11, selectedSlot: -1, stale: 0, motion: true, crowded: false };
  /** Time that the GPU takes for a frame, ms; a running mean. */
  costMs = 0;
  #fleet: Fleet;
  #gpu: Gpu | undefined;
  #drawing: { sync: WebGLSync; sinceMs: number } | undefined;

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
    this.costMs += NEWEST * (nowMs - this.#drawing.sinceMs - this.costMs);
    this.#drawing = undefined;
    return false;
  }

  draw(camera: Camera, nowMs: number): void {
    if (!this.#gpu || this.#gpu.gl.isContextLost()) return;
    const { gl, uniforms, array } = this.#gpu;
    gl.viewport(0, 0, this.element.width, this.element.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.#fleet.count === 0) return;
    this.#upload(this.#gpu);
    this.#setUniforms(this.#gpu, camera, nowMs);
    gl.bindVertexArray(array);
    const passes = [
      this.#fleet.held('green') + this.#fleet.held('idle'),
      this.#fleet.held('amber') + this.#fleet.held('silent'),
      this.#fleet.heldRed(),
    ];
    passes.forEach((trucks, pass) => {
      if (trucks === 0) return;
      gl.uniform1i(uniforms.u_pass, pass);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.#fleet.count);
    });
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
    gl.uniform1i(uniforms.u_selected, look.selectedSlot);
    gl.uniform1f(uniforms.u_stale, look.stale);
    gl.uniform1f(uniforms.u_motion, look.motion && look.stale === 0 ? 1 : 0);
    gl.uniform1i(uniforms.u_crowded, look.crowded ? 1 : 0);
  }

  #upload(gpu: Gpu): void {
    const dirty = this.#fleet.takeDirty();
    if (!dirty) return;
    const { gl } = gpu;
    const { bytes } = this.#fleet;
    gl.bindBuffer(gl.ARRAY_BUFFER, gpu.buffer);
    if (gpu.bufferBytes !== bytes.byteLength) {
      gl.bufferData(gl.ARRAY_BUFFER, bytes, gl.DYNAMIC_DRAW);
      gpu.bufferBytes = bytes.byteLength;
    } else {
      const from = dirty[0] * STRIDE_BYTES;
      gl.bufferSubData(gl.ARRAY_BUFFER, from, bytes, from, (dirty[1] + 1) * STRIDE_BYTES - from);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, null);
  }
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
  return { gl, program, ...instances(gl), bufferBytes: -1, uniforms };
}

/** One lock's bytes (see fleet.ts) as the attributes of one instance. */
function instances(gl: WebGL2RenderingContext): Pick<Gpu, 'array' | 'buffer'> {
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
  return { array, buffer };
}
