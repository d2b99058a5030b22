import { useI18n } from 'vue-i18n';

/** For a component's setup: names a rule in the viewer's language; a rule that these screens do not know has its id. */
export function useRuleName(): (rule: string) => string {
  const { t, te } = useI18n();
  return (rule) => (te(`rule.${rule}`) ? t(`rule.${rule}`) : rule);
}
