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

/** Whether LC_ALL, LC_MESSAGES or LANG begins with `zh`. */
export function isChinese(env: Record<string, string | undefined>): boolean {
  return (env.LC_ALL || env.LC_MESSAGES || env.LANG || '').toLowerCase().startsWith('zh');
}

/** Texts for the terminal, in Chinese or English. */
export function spoken(env: Record<string, string | undefined>): Words {
  return isChinese(env) ? WORDS.zh : WORDS.en;
}
