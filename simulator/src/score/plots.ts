import type { Evidence } from './evidence.ts';
import type { Percentiles, Score } from './score.ts';
import { answering } from './score.ts';

const ESCAPES = new Map(Object.entries({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }));
/** Escapes text for HTML. */
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ESCAPES.get(char) ?? char);

/** Plots are SVG text without scripts, fonts or links, so that the page needs no library. */
const WIDTH = 1_000;
const NAMES_PX = 240;
const ROW_PX = 22;
const TRUTH = '#2f6fb3';
const SAID = '#c2571a';
const WRONG = '#b3261e';

const svg = (heightPx: number, label: string, body: string) =>
  `<svg viewBox="0 0 ${WIDTH} ${heightPx}" role="img" aria-label="${escaped(label)}">${body}</svg>`;
const text = (x: number, y: number, what: string, anchor = 'start') =>
  `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escaped(what)}</text>`;
const bar = (x: number, y: number, width: number, height: number, colour: string, title: string) =>
  `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(1.5, width).toFixed(1)}" height="${height}" fill="${colour}"><title>${escaped(title)}</title></rect>`;

/** Expected, raised and unfounded alarms, rule by rule. */
export function barsOf({ rules }: Score, expected: string, raised: string, unfounded: string): string {
  const most = Math.max(1, ...rules.map((rule) => Math.max(rule.expected, rule.raised, rule.unfounded)));
  const scale = (WIDTH - NAMES_PX - 60) / most;
  const rows = rules.map((rule, i) => {
    const y = i * ROW_PX;
    const parts: [number, string, string][] = [
      [rule.expected, TRUTH, expected],
      [rule.raised, SAID, raised],
      [rule.unfounded, WRONG, unfounded],
    ];
    const bars = parts.map(([count, colour, name], k) =>
      count === 0 ? '' : bar(NAMES_PX, y + 2 + k * 6, count * scale, 5, colour, `${rule.rule}: ${name} ${count}`),
    );
    return text(0, y + 15, rule.rule) + bars.join('');
  });
  return rows.length === 0 ? '' : svg(rules.length * ROW_PX + 4, `${expected}, ${raised}, ${unfounded}`, rows.join(''));
}

const LEAST_MS = 1;
const MOST_MS = 60_000;

function msX(ms: number): number {
  const share = Math.log10(Math.min(MOST_MS, Math.max(LEAST_MS, ms)) / LEAST_MS) / Math.log10(MOST_MS / LEAST_MS);
  return NAMES_PX + share * (WIDTH - NAMES_PX - 20);
}

/** p50, p95 and p99 of the delays by the clock, on a logarithmic axis. */
export function delaysOf({ rules }: Score, red: string, raised: string, feed: string): string {
  const rows = rules.flatMap((rule): [string, Percentiles][] => {
    const all: [string, Percentiles | undefined][] = [
      [`${rule.rule} · ${red}`, rule.redMs],
      [`${rule.rule} · ${raised}`, rule.raisedMs],
      [`${rule.rule} · ${feed}`, rule.feedMs],
    ];
    return all.flatMap(([name, value]) => (value ? [[name, value] as [string, Percentiles]] : []));
  });
  if (rows.length === 0) return '';
  const height = rows.length * ROW_PX + 24;
  const ticks = [1, 10, 100, 1_000, 10_000].map(
    (ms) =>
      `<line x1="${msX(ms)}" x2="${msX(ms)}" y1="0" y2="${height - 20}" stroke="#8a97a3" stroke-width=".5"/>` +
      text(msX(ms), height - 6, String(ms), 'middle'),
  );
  const lines = rows.map(([name, { p50, p95, p99 }], i) => {
    const y = i * ROW_PX + 10;
    const said = `p50 ${Math.round(p50)}, p95 ${Math.round(p95)}, p99 ${Math.round(p99)} ms`;
    return (
      text(0, y + 5, name) +
      bar(msX(p50), y - 1, msX(p99) - msX(p50), 2, SAID, said) +
      bar(msX(p95), y - 5, 3, 10, SAID, said) +
      bar(msX(p99), y - 7, 2, 14, SAID, said) +
      `<circle cx="${msX(p50).toFixed(1)}" cy="${y}" r="4" fill="${TRUTH}"><title>${said}</title></circle>`
    );
  });
  return svg(height, 'delays', [...ticks, ...lines].join(''));
}

const MOST_ROWS = 60;

/** True events above the platform's alarms; missed events and unfounded alarms are red. */
export function timelineOf(evidence: readonly Evidence[]): string {
  const rows = evidence.flatMap((one) => rowsOf(one)).sort((a, b) => Number(b.wrong) - Number(a.wrong));
  const shown = rows.slice(0, MOST_ROWS);
  if (shown.length === 0) return '';
  const most = Math.max(1, ...shown.flatMap(({ truth, said }) => [truth?.[1] ?? 0, said?.[1] ?? 0]));
  const x = (minute: number) => NAMES_PX + (Math.min(most, Math.max(0, minute)) / most) * (WIDTH - NAMES_PX - 20);
  const drawn = shown.map(({ name, truth, said, wrong }, i) => {
    const y = i * ROW_PX;
    const span = ([from, to]: Span, dy: number, colour: string) =>
      bar(x(from), y + dy, x(to) - x(from), 7, colour, `${name}: ${from.toFixed(1)} – ${to.toFixed(1)} min`);
    const upper = truth ? span(truth, 2, wrong ? WRONG : TRUTH) : '';
    return text(0, y + 15, name) + upper + (said ? span(said, 11, wrong ? WRONG : SAID) : '');
  });
  const height = shown.length * ROW_PX + 22;
  const axis = text(NAMES_PX, height - 4, '0') + text(WIDTH - 20, height - 4, `${most.toFixed(0)} min`, 'end');
  return svg(height, 'timeline', drawn.join('') + axis);
}

type Span = [fromMin: number, toMin: number];

interface Row {
  name: string;
  truth?: Span;
  said?: Span;
  wrong: boolean;
}

function rowsOf({ played, alarms }: Evidence): Row[] {
  const minute = (ms: number) => (ms - played.departedMs) / 60_000;
  const nameOf = (rule: string) => `${played.lockIds[0]?.slice(-6)} ${rule}`;
  const saidOf = (alarm: Evidence['alarms'][number]): Span => {
    const from = minute(Date.parse(alarm.startedAt));
    return [from, alarm.endedAt ? minute(Date.parse(alarm.endedAt)) : from];
  };
  const answered = new Set<string>();
  const expected = played.truth.expected.map((one): Row => {
    const alarm = answering(one, alarms);
    if (alarm) answered.add(alarm.alarmId);
    const truth: Span = [minute(one.span.fromMs), minute(one.span.toMs)];
    return { name: nameOf(one.rule), truth, wrong: !alarm, ...(alarm ? { said: saidOf(alarm) } : {}) };
  });
  const unasked = alarms.filter(({ alarmId, rule, state }) => {
    const excused = played.truth.tolerated.includes(rule) || played.truth.expected.some((one) => one.rule === rule);
    return !answered.has(alarmId) && !excused && state !== 'provisional';
  });
  return [...expected, ...unasked.map((alarm) => ({ name: nameOf(alarm.rule), said: saidOf(alarm), wrong: true }))];
}
