import { compileRoute } from '@sealwatch/geofence';
import type { Alarm } from '@sealwatch/schemas';
import { drawing } from './drawing.ts';
import { type Markup, markup } from './markup.ts';
import { type EvidencePack, type Excursion, excursionsOf } from './pack.ts';
import { type Language, named, PAGE_WORDS, type PageWords } from './words.ts';

/** The page's only style; its digest is in the page's Content-Security-Policy. */
export const PAGE_STYLE = `
@page{size:A4;margin:14mm}
body{font:10.5pt/1.45 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;color:#111;background:#fff;max-width:190mm;margin:0 auto;padding:6mm}
h1{font-size:17pt;margin:0 0 2mm}h2{font-size:12.5pt;margin:7mm 0 2mm;border-bottom:1pt solid #333;break-after:avoid}
table{border-collapse:collapse;width:100%}th,td{border:.5pt solid #999;padding:1mm 1.6mm;text-align:left;vertical-align:top;font-weight:normal}
th{background:#eee}tr,figure{break-inside:avoid}figure{margin:3mm 0}figcaption{font-size:9pt}
.hash{font-family:ui-monospace,monospace;font-size:8pt;word-break:break-all}.note{font-size:9pt;color:#333}
.red,.failed,.critical{color:#a80000;font-weight:bold}.amber,.major{color:#7a4b00;font-weight:bold}.green,.done{color:#0b5d1e}
svg{width:100%;height:auto;border:.5pt solid #999}.paper{fill:#fbfbf8}
.corridor{fill:#dfe6ef;fill-rule:evenodd;stroke:#9fb0c8;stroke-width:1}
.route{fill:none;stroke:#8a8f98;stroke-width:3;stroke-linejoin:round;stroke-linecap:round;opacity:.7}
.track{fill:none;stroke:#0b4f9e;stroke-width:1.6}.off{fill:none;stroke:#c00000;stroke-width:3.2}
.mark circle{fill:#fff;stroke:#c00000;stroke-width:2.4}.mark.farthest circle{fill:#c00000}
.mark text{font-size:12px;fill:#7d0000;paint-order:stroke;stroke:#fff;stroke-width:3px}.scale{fill:none;stroke:#111}svg text{font-size:11px}
`;

const CHINA_AHEAD_MS = 8 * 3_600_000;

/** `2026-11-21 17:10:11` in Beijing. */
function when(at: string | number | undefined): string {
  if (at === undefined) return '–';
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return new Date(ms + CHINA_AHEAD_MS).toISOString().slice(0, 19).replace('T', ' ');
}

interface Sheet {
  pack: EvidencePack;
  words: PageWords;
  language: Language;
  name: (code: string) => string;
}

/** A page to print or store: no scripts, no external resources. */
export function evidencePage(pack: EvidencePack, language: Language): string {
  const words = PAGE_WORDS[language];
  const sheet: Sheet = { pack, words, language, name: (code) => named(language, code) };
  const html = markup`<!doctype html>
<html lang="${language === 'zh' ? 'zh-CN' : 'en'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${words.title} ${pack.trip.declarationNo}</title><style>`;
  const body = markup`</style></head><body>
<h1>${words.title}</h1><p class="note">${words.generated} ${when(pack.generatedAt)}. ${words.times}.</p>
${facts(sheet)}${figures(sheet)}${steps(sheet)}${alarms(sheet)}${passages(sheet)}${acts(sheet)}${hashes(sheet)}
</body></html>
`;
  return html.text + PAGE_STYLE + body.text;
}

function facts({ pack: { trip, route }, words, name }: Sheet): Markup {
  const plates = [trip.vehicle.tractorPlate, trip.vehicle.trailerPlate].filter((plate) => plate !== undefined);
  const rows: [string, Markup | string][] = [
    [words.trip, markup`<span class="hash">${trip.tripId}</span>`],
    [words.declarationNo, trip.declarationNo],
    [words.status, name(trip.status)],
    [words.risk, markup`<span class="${trip.risk}">${name(trip.risk)}</span>`],
    [words.vehicle, plates.join(' / ')],
    [words.units, trip.units.map((u) => [u.containerNo, u.lockId, u.mechanicalSealNo ?? '–'].join(' / ')).join('; ')],
    ...trip.units.flatMap(({ lockId, profile }): [string, string][] =>
      profile === undefined ? [] : [[`${words.protocol} ${lockId}`, `${profile}: ${words.idAlone}`]],
    ),
    [words.offices, `${trip.originOffice} → ${trip.destinationOffice}`],
    [words.route, `${route.properties.name} (${trip.routeId}, ${words.version} ${trip.routeVersion})`],
    ...(
      ['sealedAt', 'departedAt', 'arrivedAt', 'verifiedAt', 'writtenOffAt', 'unlockedAt', 'closedAt'] as const
    ).flatMap((key): [string, string][] => (trip[key] === undefined ? [] : [[words[key], when(trip[key])]])),
  ];
  return markup`<table>${rows.map(([label, value]) => markup`<tr><th scope="row">${label}</th><td>${value}</td></tr>`)}</table>`;
}

const FIGURES = 10;

function excursionLine({ words }: Sheet, excursion: Excursion): string {
  const { fromMs, toMs, maxDistanceM } = excursion;
  const lasted =
    toMs === undefined ? words.notBack : `${words.duration} ${Math.round((toMs - fromMs) / 60_000)} ${words.minutes}`;
  const far = maxDistanceM === undefined ? '' : `, ${words.greatest} ${Math.round(maxDistanceM)} m`;
  return `${words.excursion}: ${when(fromMs)} – ${toMs === undefined ? words.notBack : when(toMs)}, ${lasted}${far}`;
}

function figures(sheet: Sheet): Markup {
  const { pack, words } = sheet;
  const excursions = excursionsOf(pack.alarms);
  const labels = { left: words.left, farthest: words.farthest, back: words.back };
  const shown = { pack, compiled: compileRoute(pack.route), excursions, labels, title: words.map };
  const thinned = pack.thinnedWithinM > 0 ? ` ${words.thinned} ${Math.ceil(pack.thinnedWithinM)} m.` : '';
  const legend = `${words.legendRoute}: ▬ / ${words.legendCorridor}: ▨ / ${words.legendTrack}: ― / ${words.legendOff}: ━.${thinned}`;
  const none = pack.track.length === 0 ? `${words.noTrack}. ` : '';
  return markup`<h2>${words.map}</h2><figure>${drawing(shown)}<figcaption>${none}${legend}</figcaption></figure>
${excursions
  .slice(0, FIGURES)
  .map(
    (excursion) =>
      markup`<figure>${drawing({ ...shown, title: words.excursion }, excursion)}<figcaption class="red">${excursionLine(sheet, excursion)}</figcaption></figure>`,
  )}`;
}

function steps({ pack, words, name }: Sheet): Markup {
  const row = (step: EvidencePack['trip']['steps'][number]) => markup`<tr><td>${name(step.step)}</td>
<td class="${step.state}">${name(step.state)}</td><td>${when(step.at)}</td><td>${step.checks.map(
    (check) =>
      markup`<div class="${check.passed ? 'done' : 'failed'}">${check.passed ? '✓' : '×'} ${check.check}${check.detail === undefined ? '' : `: ${check.detail}`}${check.waivedBy === undefined ? '' : ` (${words.waived} ${check.waivedBy})`}</div>`,
  )}</td></tr>`;
  return markup`<h2>${words.steps}</h2><table><tr><th>${words.step}</th><th>${words.state}</th><th>${words.at}</th><th>${words.checks}</th></tr>${pack.trip.steps.map(row)}</table>`;
}

function handled({ words }: Sheet, alarm: Alarm): Markup[] {
  const lines: string[] = [];
  if (alarm.acknowledgedBy !== undefined) {
    lines.push(`${words.acknowledged} ${alarm.acknowledgedBy} ${when(alarm.acknowledgedAt)}`);
  }
  if (alarm.assignedTo !== undefined) lines.push(`${words.assigned} ${alarm.assignedTo} ${when(alarm.assignedAt)}`);
  if (alarm.disposedBy !== undefined) {
    const verdict = alarm.disposal?.falseAlarm ? ` [${words.falseAlarm}]` : '';
    lines.push(
      `${words.disposed} ${alarm.disposedBy} ${when(alarm.disposedAt)}${verdict}: ${alarm.disposal?.text ?? ''}`,
    );
  }
  if (lines.length === 0) lines.push(words.nobody);
  return lines.map((line) => markup`<div>${line}</div>`);
}

function alarms(sheet: Sheet): Markup {
  const { pack, words, language, name } = sheet;
  if (pack.alarms.length === 0) return markup`<h2>${words.alarms}</h2><p>${words.none}</p>`;
  const row = (
    alarm: EvidencePack['alarms'][number],
  ) => markup`<tr><td>${alarm.text?.[language] ?? alarm.rule}<div class="note">${alarm.rule}, ${alarm.lockId}</div></td>
<td class="${alarm.severity}">${name(alarm.severity)}</td><td>${when(alarm.startedAt)} – ${alarm.endedAt === undefined ? '' : when(alarm.endedAt)}${alarm.maxDistanceM === undefined ? '' : markup`<div>${words.greatest} ${Math.round(alarm.maxDistanceM)} m</div>`}${alarm.detectedLate ? markup`<div class="note">${words.late} (${when(alarm.raisedAt)})</div>` : ''}</td><td>${handled(sheet, alarm)}</td></tr>`;
  return markup`<h2>${words.alarms}</h2><table><tr><th>${words.rule}</th><th>${words.severity}</th><th>${words.period}</th><th>${words.people}</th></tr>${pack.alarms.map(row)}</table>`;
}

function passages({ pack, words, name }: Sheet): Markup {
  if (pack.passages.length === 0) return markup`<h2>${words.passages}</h2><p>${words.none}</p>`;
  const row = ({ gateId, gateName, at, verdict, reasons, decision }: EvidencePack['passages'][number]) => {
    const by = decision && [decision.by, decision.secondBy].filter((person) => person !== undefined).join(', ');
    return markup`<tr><td>${gateName}<div class="note">${gateId}</div></td><td>${when(at)}</td><td>${name(verdict)}</td>
<td>${reasons.map((reason) => markup`<div>${reason.text} <span class="note">${reason.rule}</span></div>`)}</td><td>${decision === undefined ? '–' : `${name(decision.decision)}: ${by}, ${when(decision.at)}. ${decision.comment}`}</td></tr>`;
  };
  return markup`<h2>${words.passages}</h2><table><tr><th>${words.passages}</th><th>${words.at}</th><th>${words.verdict}</th><th>${words.reasons}</th><th>${words.decision}</th></tr>${pack.passages.map(row)}</table>`;
}

function acts({ pack, words }: Sheet): Markup {
  const row = (act: EvidencePack['acts'][number]) =>
    markup`<tr><td>${when(act.at)}</td><td>${act.actor}</td><td>${act.action}</td></tr>`;
  return markup`<h2>${words.acts}</h2><table><tr><th>${words.at}</th><th>${words.actor}</th><th>${words.action}</th></tr>${pack.acts.map(row)}</table>`;
}

function hashes({ pack, words }: Sheet): Markup {
  const row = (digest: EvidencePack['records'][number]) =>
    markup`<tr><td>${digest.lockId}<div class="note">${digest.containerNo}</div></td><td>${digest.records}</td><td>${when(digest.firstAt)}<br>${when(digest.lastAt)}</td><td class="hash">${digest.sha256}</td></tr>`;
  return markup`<h2>${words.hashes}</h2><table><tr><th>${words.lock}</th><th>${words.records}</th><th>${words.firstLast}</th><th>SHA-256</th></tr>${pack.records.map(row)}</table><p class="note">${words.hashNote}</p>`;
}
