interface Words {
  wall: string;
  signIn: string;
  stopping: string;
  stopped: string;
}

const WORDS: Record<'zh' | 'en', Words> = {
  zh: {
    wall: '大屏',
    signIn: '一次性登录链接',
    stopping: '正在停止 …',
    stopped: '已停止，数据已保存。再次启动时接着运行。',
  },
  en: {
    wall: 'The wall',
    signIn: 'One-time sign-in link',
    stopping: 'stopping …',
    stopped: 'Stopped; the data is kept. The next start continues from here.',
  },
};

/** Texts for the terminal: Chinese if LC_ALL, LC_MESSAGES or LANG begins with `zh`, English otherwise. */
export function spoken(env: Record<string, string | undefined>): Words {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  return locale.toLowerCase().startsWith('zh') ? WORDS.zh : WORDS.en;
}
