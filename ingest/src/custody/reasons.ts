/** Words for people, in two languages. */
export interface Words {
  zh: string;
  en: string;
}

/** What a gate shows and prints. */
export const both = (words: Words): string => `${words.zh} / ${words.en}`;

export const DISPLAY = {
  release: '放行 快速通道',
  manual: '人工确认 人工通道',
  alarm: '报警 查验通道',
} as const;

/** Something that keeps a gate from releasing a truck. */
interface GateReason {
  /** The reason's name on the screens; absent: it has the name of the rule with the same id (`tracker/rules`). */
  text?: Words;
  /** @param what what was read, expected or found */
  sentence: (what: string) => Words;
  /** The gate contradicts the trip: a red alarm of the trip, which a person has to dispose of. */
  raisesAlarm?: true;
  /** `what` is the rule of an alarm. */
  namesRule?: true;
}

const REASONS = {
  'gate.no-trip': {
    text: { zh: '无匹配行程', en: 'No trip matches' },
    sentence: (what) => ({ zh: `无匹配的转关行程：${what}`, en: `no open trip matches ${what}` }),
  },
  'gate.ambiguous': {
    text: { zh: '匹配到多个行程', en: 'Several trips match' },
    sentence: (what) => ({ zh: `匹配到多个行程：${what}`, en: `several trips match: ${what}` }),
  },
  'gate.plate-missing': {
    text: { zh: '未读到车牌', en: 'Plate not read' },
    sentence: () => ({ zh: '未读到车牌', en: 'no plate was read' }),
  },
  'gate.container-missing': {
    text: { zh: '未读到箱号', en: 'Container not read' },
    sentence: (what) => ({ zh: `未读到箱号 ${what}`, en: `container ${what} was not read` }),
  },
  'gate.lock-missing': {
    text: { zh: '未读到关锁', en: 'Lock not read' },
    sentence: (what) => ({ zh: `未读到关锁 ${what}`, en: `lock ${what} was not read` }),
  },
  'gate.plate': {
    text: { zh: '车牌不符', en: 'Plate mismatch' },
    sentence: (what) => ({ zh: `车牌不符：${what}`, en: `plate does not match: ${what}` }),
    raisesAlarm: true,
  },
  'gate.plate-doubtful': {
    text: { zh: '车牌识别存疑', en: 'Plate in doubt' },
    sentence: (what) => ({ zh: `车牌识别存疑：${what}`, en: `plate reading in doubt: ${what}` }),
  },
  'gate.container': {
    text: { zh: '箱号不符', en: 'Container mismatch' },
    sentence: (what) => ({ zh: `箱号不符：${what}`, en: `container does not match: ${what}` }),
    raisesAlarm: true,
  },
  'gate.container-doubtful': {
    text: { zh: '箱号识别存疑', en: 'Container in doubt' },
    sentence: (what) => ({ zh: `箱号识别存疑：${what}`, en: `container reading in doubt: ${what}` }),
  },
  'gate.lock': {
    text: { zh: '关锁不符', en: 'Lock mismatch' },
    sentence: (what) => ({ zh: `关锁不符：${what}`, en: `lock does not match: ${what}` }),
    raisesAlarm: true,
  },
  'gate.lock-unregistered': {
    text: { zh: '关锁未登记', en: 'Lock not registered' },
    sentence: (what) => ({ zh: `关锁未登记：${what}`, en: `lock is not registered: ${what}` }),
    raisesAlarm: true,
  },
  'gate.weight': {
    text: { zh: '重量不符', en: 'Weight mismatch' },
    sentence: (what) => ({ zh: `重量不符：${what}`, en: `weight does not match: ${what}` }),
    raisesAlarm: true,
  },
  'gate.weight-missing': {
    text: { zh: '未称重', en: 'Not weighed' },
    sentence: () => ({ zh: '未称重', en: 'no weight was taken' }),
  },
  'gate.hold': {
    text: { zh: '布控', en: 'On hold' },
    sentence: (what) => ({ zh: `布控：${what}`, en: `on hold: ${what}` }),
  },
  'gate.other-office': {
    text: { zh: '非本行程之关', en: 'Gate of another office' },
    sentence: (what) => ({
      zh: `本卡口属 ${what} 关，非本行程应过之关`,
      en: `this gate is office ${what}'s, not the trip's`,
    }),
  },
  'gate.no-release': {
    text: { zh: '无放行信息', en: 'Not released' },
    sentence: () => ({ zh: '无放行信息', en: 'the trip has not been released' }),
  },
  'gate.not-under-way': {
    text: { zh: '行程不在途', en: 'Not under way' },
    sentence: (what) => ({ zh: `行程状态为 ${what}`, en: `the trip is ${what}, not under way` }),
  },
  'gate.interval-unconfirmed': {
    text: { zh: '在途间隔未确认', en: 'Interval not confirmed' },
    sentence: (what) => ({ zh: `关锁未确认在途间隔：${what}`, en: `in-transit interval not confirmed: ${what}` }),
  },
  'gate.seal-check': {
    text: { zh: '施封检查未通过', en: 'Sealing check failed' },
    sentence: (what) => ({ zh: `施封检查未通过：${what}`, en: `sealing check failed: ${what}` }),
  },
  'gate.clock': {
    text: { zh: '卡口时钟不准', en: 'Gate clock wrong' },
    sentence: (what) => ({ zh: `卡口时钟不准：${what}`, en: `the gate's clock is wrong by ${what}` }),
  },
  'gate.written-off': {
    text: { zh: '行程已核销', en: 'Already written off' },
    sentence: () => ({ zh: '行程已核销', en: 'the trip is already written off' }),
  },
  'gate.trip-flagged': {
    text: { zh: '行程有未处置报警', en: 'Trip has alarms' },
    sentence: (what) => ({ zh: `行程有未处置报警：${what}`, en: `alarm not disposed of: ${what}` }),
    namesRule: true,
  },
  'gate.trip-amber': {
    text: { zh: '行程风险为中', en: 'Risk amber' },
    sentence: (what) => ({ zh: `行程风险为中：${what}`, en: `risk amber: ${what}` }),
    namesRule: true,
  },
  'gate.alarm-provisional': {
    text: { zh: '报警待确认', en: 'Alarm not confirmed' },
    sentence: (what) => ({ zh: `报警待确认：${what}`, en: `alarm not yet confirmed: ${what}` }),
    namesRule: true,
  },
  'gate.inherited': {
    text: { zh: '锁或箱有未处置报警', en: 'Alarm of the same box or lock' },
    sentence: (what) => ({
      zh: `同锁或同箱的另一行程有未处置报警：${what}`,
      en: `the same lock or box has an alarm not disposed of on another trip: ${what}`,
    }),
  },
  'gate.takeover': {
    text: { zh: '途中接管', en: 'Taken over under way' },
    sentence: (what) => ({ zh: `途中接管，接管人：${what}`, en: `taken over under way by ${what}` }),
  },
  'seal.not-intact': {
    text: { zh: '施封状态异常', en: 'Seal not intact' },
    sentence: (what) => ({ zh: `施封状态异常：${what}`, en: `seal not intact: ${what}` }),
  },
  'seal.unknown': {
    text: { zh: '无施封状态', en: 'No seal state' },
    sentence: (what) => ({ zh: `无施封状态：${what}`, en: `no seal state known: ${what}` }),
  },
  'seal.stale': {
    text: { zh: '施封状态已过时', en: 'Seal state is old' },
    sentence: (what) => ({ zh: `施封状态已过时：${what}`, en: `seal state is old: ${what}` }),
  },
  'time.overdue': { sentence: (what) => ({ zh: `超过时限 ${what}`, en: `over the time limit by ${what}` }) },
} satisfies Record<string, GateReason>;

export type GateRule = keyof typeof REASONS;

/** The gate's reasons, by rule. */
export const GATE_REASONS: Readonly<Record<GateRule, GateReason>> = REASONS;

/** A reason in both languages; the rule of an alarm is given with its name and its id. */
export function sentenceOf(rule: GateRule, what: string, ruleText?: (rule: string) => Words | undefined): Words {
  const { sentence, namesRule } = GATE_REASONS[rule];
  const name = namesRule ? ruleText?.(what) : undefined;
  if (name === undefined) return sentence(what);
  return { zh: sentence(`${name.zh} (${what})`).zh, en: sentence(`${name.en} (${what})`).en };
}
