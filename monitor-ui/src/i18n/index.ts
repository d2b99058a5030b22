import { createI18n } from 'vue-i18n';
import en from './en.ts';
import { chooseLocale } from './locale.ts';
import zh from './zh-CN.ts';

const CHOSEN = 'sealwatch.language';

/** `?lang=en` chooses a language for this browser from then on. */
export function createTexts() {
  const asked = new URLSearchParams(location.search).get('lang');
  if (asked) localStorage.setItem(CHOSEN, asked);
  const locale = chooseLocale(navigator.languages, localStorage.getItem(CHOSEN));
  document.documentElement.lang = locale;
  return createI18n({ legacy: false, locale, fallbackLocale: 'zh-CN', messages: { 'zh-CN': zh, en } });
}
