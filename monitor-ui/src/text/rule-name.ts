import { useI18n } from 'vue-i18n';

/** For a component's setup: returns the name of a rule in the viewer's language, or its id if there is no name. */
export function useRuleName(): (rule: string) => string {
  const { t, te } = useI18n();
  return (rule) => (te(`rule.${rule}`) ? t(`rule.${rule}`) : rule);
}
