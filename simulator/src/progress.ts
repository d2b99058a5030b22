/** What the simulator tells while it runs: people read sentences, programs read JSON lines. */
export interface Progress {
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
}

export type Language = 'zh' | 'en';

/** zh where the environment's language is Chinese, en otherwise. */
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
  load: '负载结果',
  stopping: '正在停止',
  stopped: '已停止',
};

/**
 * @param readable sentences for a terminal; otherwise one JSON object a line
 */
export function progressTo(write: (line: string) => void, readable: boolean, language: Language): Progress {
  const say =
    (level: string) =>
    (message: string, facts: Record<string, unknown> = {}) => {
      if (!readable) {
        write(`${JSON.stringify({ level, part: 'simulator', msg: message, ...facts })}\n`);
        return;
      }
      const text = language === 'zh' ? (CHINESE[message] ?? message) : message;
      const mark = level === 'info' ? '·' : level === 'warn' ? '!' : '✗';
      const rest = Object.entries(facts).map(([name, value]) => (name === 'of' ? `/ ${value}` : `${name} ${value}`));
      write(`${mark} ${[text, ...rest].join('  ')}\n`);
    };
  return { info: say('info'), warn: say('warn'), error: say('error') };
}
