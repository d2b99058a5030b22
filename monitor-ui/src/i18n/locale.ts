export const LOCALES = ['zh-CN', 'en'] as const;
export type Locale = (typeof LOCALES)[number];

/** The viewer's language: what was chosen, else the browser's first that is spoken here, else Chinese. */
export function chooseLocale(languages: readonly string[], chosen?: string | null): Locale {
  for (const language of [chosen, ...languages]) {
    const found = language?.slice(0, 2).toLowerCase();
    if (found === 'zh') return 'zh-CN';
    if (found === 'en') return 'en';
  }
  return 'zh-CN';
}
