export type Language = 'zh' | 'en';

const ZH = {
  title: '转关行程证据',
  generated: '生成时间',
  times: '时间均为北京时间（UTC+8）',
  trip: '行程',
  declarationNo: '报关单号',
  status: '状态',
  risk: '风险',
  vehicle: '车辆',
  units: '箱 / 关锁 / 机械封志',
  offices: '启运地海关 → 指运地海关',
  route: '线路',
  version: '版本',
  sealedAt: '施封',
  departedAt: '启运',
  arrivedAt: '到达',
  verifiedAt: '验封',
  unlockedAt: '开锁',
  writtenOffAt: '核销',
  closedAt: '结案',
  map: '线路与轨迹',
  excursion: '偏离',
  left: '离开',
  farthest: '最远',
  back: '返回',
  notBack: '未返回',
  duration: '历时',
  minutes: '分钟',
  greatest: '最大偏离',
  noTrack: '没有存储的位置',
  thinned: '轨迹为绘图作了简化，误差不超过',
  legendRoute: '计划线路',
  legendCorridor: '规划走廊',
  legendTrack: '实际轨迹',
  legendOff: '偏离段',
  steps: '五步闭环',
  step: '步骤',
  state: '结果',
  at: '时间',
  checks: '检查',
  waived: '豁免人',
  alarms: '报警',
  rule: '规则',
  severity: '级别',
  period: '起止',
  late: '补传后判定',
  people: '处置过程',
  acknowledged: '确认',
  assigned: '指派',
  disposed: '处置',
  falseAlarm: '误报',
  nobody: '无人处置',
  none: '无',
  passages: '卡口',
  verdict: '判定',
  reasons: '原因',
  decision: '人工决定',
  acts: '操作记录',
  actor: '操作者',
  action: '操作',
  hashes: '存储记录的校验值',
  hashNote:
    'SHA-256，对每条存储记录取一行 JSON（与 GET /api/v1/locks/{id}/reports 的条目相同）加换行符，按时间顺序计算。据此可复核记录是否被改动。',
  lock: '关锁',
  records: '记录数',
  firstLast: '首条 / 末条',
};

export type PageWords = typeof ZH;

const EN: PageWords = {
  title: 'Evidence of a transit trip',
  generated: 'Made at',
  times: 'All times are Beijing time (UTC+8)',
  trip: 'Trip',
  declarationNo: 'Declaration',
  status: 'Status',
  risk: 'Risk',
  vehicle: 'Vehicle',
  units: 'Container / lock / mechanical seal',
  offices: 'Office of departure → destination',
  route: 'Route',
  version: 'version',
  sealedAt: 'Sealed',
  departedAt: 'Departed',
  arrivedAt: 'Arrived',
  verifiedAt: 'Verified',
  unlockedAt: 'Unlocked',
  writtenOffAt: 'Written off',
  closedAt: 'Closed',
  map: 'Route and track',
  excursion: 'Deviation',
  left: 'left',
  farthest: 'farthest',
  back: 'back',
  notBack: 'not back',
  duration: 'for',
  minutes: 'min',
  greatest: 'at most',
  noTrack: 'no stored position',
  thinned: 'The track is simplified for the figure, by at most',
  legendRoute: 'planned route',
  legendCorridor: 'planned corridor',
  legendTrack: 'track',
  legendOff: 'off the route',
  steps: 'The five steps',
  step: 'Step',
  state: 'Result',
  at: 'At',
  checks: 'Checks',
  waived: 'waived by',
  alarms: 'Alarms',
  rule: 'Rule',
  severity: 'Severity',
  period: 'From – to',
  late: 'judged from late records',
  people: 'Who did what',
  acknowledged: 'acknowledged',
  assigned: 'assigned to',
  disposed: 'disposed of',
  falseAlarm: 'false alarm',
  nobody: 'not disposed of',
  none: 'none',
  passages: 'Gates',
  verdict: 'Verdict',
  reasons: 'Reasons',
  decision: 'Manual decision',
  acts: 'Record of acts',
  actor: 'By',
  action: 'Act',
  hashes: 'Checksums of the stored records',
  hashNote:
    'SHA-256 over one line of JSON a stored record (as an item of GET /api/v1/locks/{id}/reports) with a line feed, in order of time. It shows whether a record was changed.',
  lock: 'Lock',
  records: 'Records',
  firstLast: 'First / last',
};

export const PAGE_WORDS: Record<Language, PageWords> = { zh: ZH, en: EN };

/** Chinese texts of codes; the English page shows the codes. */
const NAMES: Record<string, string> = {
  declared: '已申报',
  released: '已放行',
  hung: '已挂锁',
  sealed: '已施封',
  'in-transit': '在途',
  arrived: '已到达',
  verified: '已验封',
  unlocked: '已开锁',
  closed: '已结案',
  cancelled: '已取消',
  green: '低（绿）',
  amber: '中（黄）',
  red: '高（红）',
  hang: '挂锁',
  seal: '施封',
  transit: '在途',
  verify: '验封',
  unlock: '开锁',
  pending: '未开始',
  active: '进行中',
  done: '完成',
  failed: '未通过',
  waived: '豁免',
  info: '提示',
  minor: '一般',
  major: '较重',
  critical: '严重',
  release: '放行',
  manual: '人工确认',
  alarm: '报警',
  inspect: '查验',
  return: '退回',
};

export const named = (language: Language, code: string): string =>
  language === 'zh' && Object.hasOwn(NAMES, code) ? (NAMES[code] ?? code) : code;

/**
 * The page's language: the one asked for, else the first of `Accept-Language` that is Chinese or English, else Chinese.
 * @param accepted the header, e.g. `en-GB,en;q=0.8,zh;q=0.5`
 */
export function languageOf(asked: string | undefined, accepted: string | undefined): Language {
  const wishes = [asked ?? '', ...(accepted ?? '').split(',')].map((wish) => {
    const [tag = '', ...parameters] = wish.trim().toLowerCase().split(';');
    const weight = parameters.map((p) => /^\s*q=([\d.]+)\s*$/.exec(p)?.[1]).find((q) => q !== undefined);
    return { tag, weight: Number(weight ?? 1) };
  });
  const [first, ...rest] = wishes;
  const ranked = [first!, ...rest.sort((a, b) => b.weight - a.weight)];
  for (const { tag, weight } of ranked) {
    if (weight > 0 && /^zh(-|$)/.test(tag)) return 'zh';
    if (weight > 0 && /^en(-|$)/.test(tag)) return 'en';
  }
  return 'zh';
}
