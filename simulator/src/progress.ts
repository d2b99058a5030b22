/** Progress output of the simulator: sentences for people, JSON lines for programs. */
export interface Progress {
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
  /** How much is done: a bar on a terminal, a line now and then elsewhere. */
  share(message: string, done: number, of: number, facts?: Record<string, unknown>): void;
}

export type Language = 'zh' | 'en';

/** zh if the locale begins with `zh`, else en. */
export function languageOf(text: string | undefined): Language {
  return text?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

const CHINESE: Record<string, string> = {
  'waiting for the platform': '等待平台就绪',
  'route and places set': '路线与场所已登记',
  'locks registered': '智能锁已注册',
  'locks continue from the earlier run': '沿用上次运行的智能锁',
  'declaring trips': '申报在途车辆',
  'connecting locks': '智能锁联网',
  'back-filling earlier tracks': '补传历史轨迹',
  'live: every lock reports at its interval': '实时上报中',
  'truck leaves the motorway by a ramp': '车辆驶离高速匝道',
  'truck drives on to the planned route again': '车辆返回规划路线',
  'truck stops at a service area': '车辆进入服务区停靠',
  'truck at the gate': '车辆到达卡口',
  'gate released the truck': '卡口放行',
  'gate sent the truck to inspection': '卡口转入查验',
  'gate asks for a person': '卡口转人工确认',
  'trip closed': '途单已结束',
  'new trip begins': '新途单启运',
  'trip given up': '途单已撤销',
  scenario: '场景',
  'playing trips': '正在播放途单',
  played: '播放完毕',
  offering: '施加负载',
  'live feed not watched, its delays are not measured': '未能订阅实时推送,不统计其延迟',
  'the sender alone': '发送端自身能力',
  load: '负载结果',
  stopping: '正在停止',
  stopped: '已停止',
};

const BAR_WIDTH = 30;
/** Without a terminal, one line per this many percent. */
const LINE_PERCENT = 10;

function barOf(share: number): string {
  const full = Math.round(share * BAR_WIDTH);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
}

/**
 * @param readable sentences for a terminal; otherwise one JSON object a line
 */
export function progressTo(write: (line: string) => void, readable: boolean, language: Language): Progress {
  const inWords = (message: string) =>
    language === 'zh' && Object.hasOwn(CHINESE, message) ? CHINESE[message]! : message;
  const factsOf = (facts: Record<string, unknown>) => Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  let barOpen = false;
  let last = { message: '', percent: 0 };
  const say =
    (level: string) =>
    (message: string, facts: Record<string, unknown> = {}) => {
      if (!readable) {
        write(`${JSON.stringify({ level, part: 'simulator', msg: message, ...facts })}\n`);
        return;
      }
      const mark = level === 'info' ? '·' : level === 'warn' ? '!' : '✗';
      write(`${barOpen ? '\n' : ''}${mark} ${[inWords(message), ...factsOf(facts)].join('  ')}\n`);
      barOpen = false;
    };
  const info = say('info');
  const share = (message: string, done: number, of: number, facts: Record<string, unknown> = {}) => {
    if (readable) {
      barOpen = done < of;
      const line = [inWords(message), `${done} / ${of}`, ...factsOf(facts)].join('  ');
      write(`\r${barOf(of === 0 ? 1 : done / of)} ${line}\u001b[K${barOpen ? '' : '\n'}`);
      return;
    }
    const percent = of === 0 ? 100 : (100 * done) / of;
    if (last.message === message && percent - last.percent < LINE_PERCENT && done < of) return;
    last = { message, percent };
    info(message, { done, of, ...facts });
  };
  return { info, warn: say('warn'), error: say('error'), share };
}
