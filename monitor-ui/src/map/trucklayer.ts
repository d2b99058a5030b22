import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibreMap } from 'maplibre-gl';
import { type Fleet, STRIDE_BYTES } from './fleet.ts';
import { pixelsPerUnit, unitX, unitY } from './mercator.ts';
import { FRAGMENT_SHADER, VERTEX_SHADER } from './truckshader.ts';

/** What changes how all trucks are drawn. */
export interface TruckLook {
  /** Size of a body in CSS pixels. */
  bodyPx: number;
  /** The least size of a red one. */
  redPx: number;
  selectedSlot: number;
  /** 0 fresh, 1 stale: colours fade and nothing pulses, for nobody may take old data for new. */
  stale: number;
  /** Whether rings may move. */
  motion: boolean;
}

const UNIFORMS = [
  'u_centre',
  'u_scale',
  'u_origin',
  'u_view',
  'u_now',
  'u_body',
  'u_red',
  'u_reds',
  'u_selected',
  'u_stale',
  'u_motion',
] as const;
type Uniform = (typeof UNIFORMS)[number];

interface Gpu {
  program: WebGLProgram;
  array: WebGLVertexArrayObject;
  buffer: WebGLBuffer;
  bufferBytes: number;
  uniforms: Record<Uniform, WebGLUniformLocation | null>;
}

/**
 * All trucks in one instanced draw, interpolated on the GPU between the last two positions reported; drawn twice, the
 * red ones the second time, so that red is never under anything. The map stays north-up and flat, which lets positions
 * be integers until the subtraction of the centre (9 mm at any zoom).
 */
export class TruckLayer implements CustomLayerInterface {
  readonly id = 'trucks';
  readonly type = 'custom';
  readonly renderingMode = '2d';
  readonly look: TruckLook = { bodyPx: 9, redPx: 11, selectedSlot: -1, stale: 0, motion: true };
  #fleet: Fleet;
  #map: MapLibreMap | undefined;
  #gpu: Gpu | undefined;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  onAdd(map: MapLibreMap, gl: WebGL2RenderingContext): void {
    this.#map = map;
    this.#gpu = build(gl);
    this.#fleet.touchAll();
  }

  onRemove(_map: MapLibreMap, gl: WebGL2RenderingContext): void {
    if (this.#gpu) {
      gl.deleteProgram(this.#gpu.program);
      gl.deleteBuffer(this.#gpu.buffer);
      gl.deleteVertexArray(this.#gpu.array);
    }
    this.#gpu = undefined;
  }

  /** The context was lost and is back: what stood in it is gone. */
  restore(gl: WebGL2RenderingContext): void {
    this.#gpu = build(gl);
    this.#fleet.touchAll();
  }

  render(gl: WebGL2RenderingContext, _input: CustomRenderMethodInput): void {
    const map = this.#map;
    if (!map || !this.#gpu || this.#fleet.count === 0) return;
    const { uniforms, program, array } = this.#gpu;
    this.#upload(gl, this.#gpu);
    const centre = map.getCenter().wrap();
    const origin = map.project(map.getCenter());
    const canvas = map.getCanvas();
    gl.useProgram(program);
    gl.uniform2i(uniforms.u_centre, unitX(centre.lng), unitY(centre.lat));
    gl.uniform1f(uniforms.u_scale, pixelsPerUnit(map.getZoom()));
    gl.uniform2f(uniforms.u_origin, origin.x, origin.y);
    gl.uniform2f(uniforms.u_view, canvas.clientWidth, canvas.clientHeight);
    gl.uniform1f(uniforms.u_now, performance.now() - this.#fleet.epochMs);
    gl.uniform1f(uniforms.u_body, this.look.bodyPx);
    gl.uniform1f(uniforms.u_red, this.look.redPx);
    gl.uniform1i(uniforms.u_selected, this.look.selectedSlot);
    gl.uniform1f(uniforms.u_stale, this.look.stale);
    gl.uniform1f(uniforms.u_motion, this.look.motion && this.look.stale === 0 ? 1 : 0);
    gl.bindVertexArray(array);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.disable(gl.CULL_FACE);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    for (const reds of [0, 1]) {
      gl.uniform1i(uniforms.u_reds, reds);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.#fleet.count);
    }
    gl.bindVertexArray(null);
  }

  #upload(gl: WebGL2RenderingContext, gpu: Gpu): void {
    const dirty = this.#fleet.takeDirty();
    if (!dirty) return;
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
  return { program, array, buffer, bufferBytes: -1, uniforms };
}
