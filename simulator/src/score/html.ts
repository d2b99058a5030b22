import type { Language } from '../progress.ts';
import type { Evidence } from './evidence.ts';
import { barsOf, delaysOf, escaped, timelineOf } from './plots.ts';
import type { Percentiles, Score } from './score.ts';

export interface HtmlInput {
  name: string;
  seed: number;
  http: string;
  atMs: number;
  result: Score;
  evidence: readonly Evidence[];
}

const WORDS = {
  title: { zh: '场景评分', en: 'Scenario score' },
  pass: { zh: '通过', en: 'PASS' },
  fail: { zh: '未通过', en: 'FAIL' },
  seed: { zh: '种子', en: 'seed' },
  trips: { zh: '途单', en: 'Trips' },
  recall: { zh: '检出率', en: 'Recall' },
  falseCritical: { zh: '每千单严重误报', en: 'False critical alarms per 1,000 trips' },
  records: { zh: '已应答记录', en: 'Records acknowledged' },
  missing: { zh: '其中缺失', en: 'of them missing' },
  twice: { zh: '重复存储', en: 'stored twice' },
  quarantine: { zh: '隔离区 实有 / 应有', en: 'Quarantine, found / expected' },
  verdicts: { zh: '卡口结论 正确 / 错误', en: 'Verdicts at the gate, right / wrong' },
  gate: { zh: '卡口判定 ms (p50 / p95 / p99)', en: 'Decision of the gate, ms (p50 / p95 / p99)' },
  rules: { zh: '各规则', en: 'By rule' },
  rule: { zh: '规则', en: 'Rule' },
  expected: { zh: '应报', en: 'expected' },
  raised: { zh: '已报', en: 'raised' },
  unfounded: { zh: '无因', en: 'unfounded' },
  start: { zh: '起始延迟 s', en: 'start, s' },
  confirm: { zh: '确认延迟 s', en: 'confirm, s' },
  red: { zh: '大屏变红 ms', en: 'red, ms' },
  known: { zh: '平台报警 ms', en: 'raised, ms' },
  feed: { zh: '推送 ms', en: 'on the feed, ms' },
  delays: {
    zh: '从 PUBLISH 起的延迟 ms(对数轴:p50 ● p95 │ p99 ▏)',
    en: 'Delay from PUBLISH, ms (log scale: p50 ●, p95 and p99 as bars)',
  },
  timeline: {
    zh: '真相(上)与平台(下),启运后分钟',
    en: 'Truth (upper bar) and platform (lower bar), minutes after departure',
  },
  note: {
    zh: '起始与确认按定位时间计;变红、报警、推送按时钟计,自显示(确认)该事实的记录发出时起。',
    en: 'start and confirm are by fix time; red, raised and on the feed are by the clock, from the PUBLISH of the record that shows (confirms) it.',
  },
} as const;
type Word = keyof typeof WORDS;

const three = (value: Percentiles | undefined) =>
  value ? [value.p50, value.p95, value.p99].map((one) => Math.round(one)).join(' / ') : '–';

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2733;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid #d7dee6;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}.verdict{padding:.6rem 1rem;border-radius:.4rem;color:#fff;background:#1a7f46}
.verdict.bad{background:#b3261e}svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#1c2733}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}dt{color:#5a6875}dd{margin:0}
@media(prefers-color-scheme:dark){body{background:#11181f;color:#dfe7ee}svg text{fill:#dfe7ee}th,td{border-color:#2b3742}dt{color:#93a2b0}}`;

function ruleTable({ rules }: Score, word: (name: Word) => string): string {
  const titles: Word[] = ['rule', 'expected', 'raised', 'unfounded', 'start', 'confirm', 'red', 'known', 'feed'];
  const head = titles.map((title) => `<th scope="col">${word(title)}</th>`).join('');
  const rows = rules.map((rule) => {
    const cells = [rule.expected, rule.raised, rule.unfounded].map(String);
    const delays = [rule.startDelayS, rule.confirmDelayS, rule.redMs, rule.raisedMs, rule.feedMs].map(three);
    return `<tr><td>${escaped(rule.rule)}</td>${[...cells, ...delays].map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function facts(result: Score, word: (name: Word) => string): string {
  const { records, quarantine, verdicts } = result;
  const lines: [Word, string][] = [
    ['trips', String(result.trips)],
    ['recall', result.recall.toFixed(3)],
    ['falseCritical', String(result.falseCriticalPer1000)],
    ['records', String(records.acknowledged)],
    ['missing', String(records.missing)],
    ['twice', String(records.storedTwice)],
    ['quarantine', `${quarantine.found} / ${quarantine.expected}`],
    ['verdicts', `${verdicts.right} / ${verdicts.wrong}`],
    ['gate', three(result.gateMs)],
  ];
  return `<dl>${lines.map(([name, value]) => `<dt>${word(name)}</dt><dd>${value}</dd>`).join('')}</dl>`;
}

/** A page without external resources, so that a CI run can store it as an artefact. */
export function htmlReport({ name, seed, http, atMs, result, evidence }: HtmlInput, language: Language): string {
  const word = (key: Word) => WORDS[key][language];
  const bad = result.failures.length > 0;
  const title = escaped(`${word('title')}: ${name}`);
  const section = (key: Word, body: string) => (body === '' ? '' : `<h2>${word(key)}</h2>${body}`);
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title><style>${STYLE}</style></head><body>
<h1>${title}</h1>
<p>${escaped(http)} · ${word('seed')} ${seed} · ${new Date(atMs).toISOString()}</p>
<p class="verdict${bad ? ' bad' : ''}">${bad ? `${word('fail')}: ${escaped(result.failures.join('; '))}` : word('pass')}</p>
${facts(result, word)}
${section('rules', `${ruleTable(result, word)}<p>${word('note')}</p>${barsOf(result, word('expected'), word('raised'), word('unfounded'))}`)}
${section('delays', delaysOf(result, word('red'), word('known'), word('feed')))}
${section('timeline', timelineOf(evidence))}
</body></html>
`;
}
