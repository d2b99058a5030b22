// Status has a colour AND a shape: green an arrowhead (a disc while it is parked), amber a diamond, red an octagon
// with an exclamation mark and rings, provisional the same octagon hollow, silent a hollow square, idle a dot.
// If trucks are crowded, green and idle ones are lights; all others keep their shapes.

export const VERTEX_SHADER = `#version 300 es
precision highp float;
precision highp int;
layout(location = 0) in ivec4 a_path;
layout(location = 1) in vec2 a_time;
layout(location = 2) in uvec2 a_state;
layout(location = 3) in uint a_heading;
uniform ivec2 u_centre;
uniform float u_scale;
uniform vec2 u_origin;
uniform vec2 u_view;
uniform float u_now;
uniform float u_body;
uniform float u_red;
// Of the crowd one of so many is drawn; 0: what is drawn above it.
uniform int u_one_of;
uniform int u_selected;
uniform int u_crowded;
out vec2 v_at;
flat out int v_status;
flat out int v_moving;
flat out float v_heading;
flat out int v_selected;
flat out float v_body;
flat out int v_light;
void main() {
  int status = int(a_state.x);
  bool red = status == 3 || status == 4;
  bool crowd = status == 0 || status == 1;
  v_selected = gl_InstanceID == u_selected ? 1 : 0;
  if (u_one_of > 0 && (!crowd || gl_InstanceID % u_one_of != 0)) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    return;
  }
  float span = a_time.y - a_time.x;
  float share = span > 0.0 ? clamp((u_now - a_time.x) / span, 0.0, 1.0) : 1.0;
  vec2 from = vec2(a_path.xy - u_centre);
  vec2 move = vec2(a_path.zw - a_path.xy);
  vec2 centrePx = u_origin + (from + move * share) * u_scale;
  v_light = u_crowded == 1 && crowd && v_selected == 0 ? 1 : 0;
  float body = red ? max(u_body * 1.45, u_red) : (status == 0 ? u_body * 0.6 : u_body);
  if (u_crowded == 1 && !red && v_selected == 0) body *= crowd ? 0.45 : 0.75;
  float reach = red ? body * 3.6 : body * 2.3;
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
  v_at = corner * reach;
  v_status = status;
  v_moving = int(a_state.y);
  v_heading = radians(float(a_heading) / 100.0);
  v_body = body;
  vec2 px = centrePx + v_at;
  gl_Position = vec4(px.x / u_view.x * 2.0 - 1.0, 1.0 - px.y / u_view.y * 2.0, 0.0, 1.0);
}`;

export const FRAGMENT_SHADER = `#version 300 es
precision highp float;
precision highp int;
in vec2 v_at;
flat in int v_status;
flat in int v_moving;
flat in float v_heading;
flat in int v_selected;
flat in float v_body;
flat in int v_light;
uniform float u_now;
uniform float u_stale;
uniform float u_motion;
uniform int u_one_of;
out vec4 colour;

float box(vec2 p, vec2 b) { vec2 d = abs(p) - b; return length(max(d, 0.0)) + min(max(d.x, d.y), 0.0); }
float diamond(vec2 p, float r) { return (abs(p.x) + abs(p.y) - r) * 0.70711; }
float octagon(vec2 p, float r) { p = abs(p); return max(max(p.x, p.y), (p.x + p.y) * 0.70711) - r; }
float capsule(vec2 p, float y0, float y1, float r) { p.y -= clamp(p.y, y0, y1); return length(p) - r; }
// An arrowhead pointing up (towards -y): two slanted sides and a notched tail.
float arrow(vec2 p, float r) {
  p.x = abs(p.x);
  float side = dot(p - vec2(0.0, -1.25 * r), normalize(vec2(2.2, -0.86)));
  float tail = dot(p - vec2(0.0, 0.42 * r), normalize(vec2(-0.5, 1.0)));
  return max(side, tail);
}
void over(inout vec4 base, vec3 rgb, float a) { base = vec4(rgb * a, a) + base * (1.0 - a); }
float fill(float d) { return clamp(0.5 - d, 0.0, 1.0); }

void main() {
  float r = v_body;
  vec2 p = v_at;
  float c = cos(v_heading), s = sin(v_heading);
  vec2 q = vec2(c * p.x + s * p.y, -s * p.x + c * p.y);
  bool red = v_status == 3 || v_status == 4;
  vec3 rgb = v_status == 1 ? vec3(0.22, 0.89, 0.64)
    : v_status == 2 ? vec3(1.0, 0.71, 0.18)
    : red ? vec3(1.0, 0.19, 0.27)
    : v_status == 5 ? vec3(0.66, 0.72, 0.80) : vec3(0.38, 0.48, 0.60);
  vec3 ink = vec3(0.024, 0.047, 0.086);
  rgb = mix(rgb, vec3(0.45, 0.50, 0.57), u_stale * (red ? 0.35 : 0.85));
  vec4 o = vec4(0.0);
  float d;
  if (v_light == 1) {
    // No alpha: lights add up, so that many in one place shine brighter than one.
    colour = vec4(rgb * 0.34 * float(u_one_of) * exp(-dot(p, p) / (r * r)), 0.0);
    return;
  }
  if (red) {
    float glow = exp(-max(length(p) - r, 0.0) / (r * 0.8));
    over(o, rgb, 0.42 * glow * (1.0 - u_stale * 0.6));
    for (int i = 0; i < 2; i++) {
      float phase = u_motion > 0.5 ? fract(u_now / 1800.0 + float(i) * 0.5) : 0.28 + 0.3 * float(i);
      float ring = abs(length(p) - r * (1.0 + 2.4 * phase)) - r * 0.11;
      over(o, rgb, fill(ring) * (1.0 - phase) * 0.85);
    }
    if (v_moving == 1) {
      float nose = max(dot(vec2(abs(q.x), q.y) - vec2(0.0, -2.05 * r), normalize(vec2(1.0, -0.75))), q.y + 1.35 * r);
      over(o, ink, fill(nose - 1.5) * 0.8);
      over(o, rgb, fill(nose));
    }
    d = octagon(p, r);
    over(o, ink, fill(d - 2.0) * 0.9);
    if (v_status == 3) {
      over(o, rgb, fill(d));
      over(o, vec3(1.0), fill(abs(d + r * 0.13) - r * 0.05) * 0.9);
      float mark = min(capsule(p, -0.52 * r, 0.08 * r, 0.13 * r), length(p - vec2(0.0, 0.48 * r)) - 0.15 * r);
      over(o, vec3(1.0), fill(mark));
    } else {
      over(o, vec3(0.16, 0.02, 0.05), fill(d));
      over(o, rgb, fill(abs(d + r * 0.14) - r * 0.15));
      float mark = min(capsule(p, -0.46 * r, 0.06 * r, 0.12 * r), length(p - vec2(0.0, 0.44 * r)) - 0.14 * r);
      over(o, rgb, fill(mark));
    }
  } else if (v_status == 5) {
    d = box(p, vec2(r * 0.72));
    over(o, ink, fill(d - 1.5) * 0.85);
    over(o, rgb, fill(abs(d + r * 0.16) - r * 0.13));
    over(o, rgb, fill(length(p) - r * 0.16));
  } else if (v_status == 0) {
    d = length(p) - r;
    over(o, ink, fill(d - 1.5) * 0.8);
    over(o, rgb, fill(d));
  } else {
    bool disc = v_status == 1 && v_moving == 0;
    d = v_status == 2 ? diamond(p, r * 1.18) : disc ? length(p) - r * 0.72 : arrow(q, r);
    over(o, rgb, 0.20 * exp(-max(d, 0.0) / (r * 0.45)) * (1.0 - u_stale));
    over(o, ink, fill(d - 1.6) * 0.85);
    over(o, rgb, fill(d));
    if (disc) over(o, ink, fill(length(p) - r * 0.26));
    if (v_status == 2) {
      over(o, ink, fill(length(p) - r * 0.24));
      if (v_moving == 1) {
        float nose = max(dot(vec2(abs(q.x), q.y) - vec2(0.0, -2.1 * r), normalize(vec2(1.0, -0.8))), q.y + 1.45 * r);
        over(o, rgb, fill(nose));
      }
    }
  }
  if (v_selected == 1) {
    float ring = abs(length(p) - r * (red ? 2.1 : 1.9)) - 1.1;
    over(o, vec3(0.93, 0.97, 1.0), fill(ring));
  }
  colour = o;
}`;
