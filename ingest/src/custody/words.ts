/** A sentence for people, in the two languages of the gate. `zh / en` is what a gate shows and prints. */
export interface Words {
  zh: string;
  en: string;
}

export const both = (words: Words): string => `${words.zh} / ${words.en}`;

export const DISPLAY = {
  release: '放行 快速通道',
  manual: '人工确认 人工通道',
  alarm: '报警 查验通道',
} as const;

/** The gate's own reasons, by rule; `what` is filled in for what was read, expected or found. */
export const GATE_WORDS: Record<string, (what: string) => Words> = {
  'gate.no-trip': (what) => ({ zh: `无匹配的转关行程：${what}`, en: `no open trip matches ${what}` }),
  'gate.ambiguous': (what) => ({ zh: `匹配到多个行程：${what}`, en: `several trips match: ${what}` }),
  'gate.plate-missing': () => ({ zh: '未读到车牌', en: 'no plate was read' }),
  'gate.container-missing': (what) => ({ zh: `未读到箱号 ${what}`, en: `container ${what} was not read` }),
  'gate.lock-missing': (what) => ({ zh: `未读到关锁 ${what}`, en: `lock ${what} was not read` }),
  'gate.plate': (what) => ({ zh: `车牌不符：${what}`, en: `plate does not match: ${what}` }),
  'gate.plate-doubtful': (what) => ({ zh: `车牌识别存疑：${what}`, en: `plate reading in doubt: ${what}` }),
  'gate.container': (what) => ({ zh: `箱号不符：${what}`, en: `container does not match: ${what}` }),
  'gate.container-doubtful': (what) => ({ zh: `箱号识别存疑：${what}`, en: `container reading in doubt: ${what}` }),
  'gate.lock': (what) => ({ zh: `关锁不符：${what}`, en: `lock does not match: ${what}` }),
  'gate.lock-unregistered': (what) => ({ zh: `关锁未登记：${what}`, en: `lock is not registered: ${what}` }),
  'gate.weight': (what) => ({ zh: `重量不符：${what}`, en: `weight does not match: ${what}` }),
  'gate.weight-missing': () => ({ zh: '未称重', en: 'no weight was taken' }),
  'gate.hold': (what) => ({ zh: `布控：${what}`, en: `on hold: ${what}` }),
  'gate.other-office': (what) => ({
    zh: `本卡口属 ${what} 关，非本行程应过之关`,
    en: `this gate is office ${what}'s, not the trip's`,
  }),
  'gate.no-release': () => ({ zh: '无放行信息', en: 'the trip has not been released' }),
  'gate.not-under-way': (what) => ({ zh: `行程状态为 ${what}`, en: `the trip is ${what}, not under way` }),
  'gate.interval-unconfirmed': (what) => ({
    zh: `关锁未确认在途间隔：${what}`,
    en: `in-transit interval not confirmed: ${what}`,
  }),
  'gate.seal-check': (what) => ({ zh: `施封检查未通过：${what}`, en: `sealing check failed: ${what}` }),
  'gate.written-off': () => ({ zh: '行程已核销', en: 'the trip is already written off' }),
  'gate.trip-flagged': (what) => ({ zh: `行程有未处置报警：${what}`, en: `alarm not disposed of: ${what}` }),
  'gate.trip-amber': (what) => ({ zh: `行程风险为中：${what}`, en: `risk amber: ${what}` }),
  'gate.alarm-provisional': (what) => ({ zh: `报警待确认：${what}`, en: `alarm not yet confirmed: ${what}` }),
  'seal.not-intact': (what) => ({ zh: `施封状态异常：${what}`, en: `seal not intact: ${what}` }),
  'seal.unknown': (what) => ({ zh: `无施封状态：${what}`, en: `no seal state known: ${what}` }),
  'seal.stale': (what) => ({ zh: `施封状态已过时：${what}`, en: `seal state is old: ${what}` }),
  'time.overdue': (what) => ({ zh: `超过时限 ${what}`, en: `over the time limit by ${what}` }),
};
