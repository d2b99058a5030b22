import { type ComputedRef, computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';

export interface Filters {
  /** What the page is filtered by, from its address; `otherwise` where the address does not say. */
  asked(name: string, otherwise?: string): ComputedRef<string>;
  /** Writes a filter into the address; empty: takes it out. */
  filter(name: string, value: string): void;
}

/** The filters of a list stand in the address of its page, so that a link, a reload and the back button keep them. */
export function useFilters(): Filters {
  const [route, router] = [useRoute(), useRouter()];
  return {
    asked: (name, otherwise = '') =>
      computed(() => (typeof route.query[name] === 'string' ? route.query[name] : otherwise)),
    filter: (name, value) =>
      void router.replace({ query: { ...route.query, [name]: value === '' ? undefined : value } }),
  };
}

/** What was typed or chosen in a field. */
export const textIn = (event: Event): string => (event.target as HTMLInputElement | HTMLSelectElement).value;
