import { type ComputedRef, computed, shallowRef } from 'vue';
import { useI18n } from 'vue-i18n';
import { type Router, useRouter } from 'vue-router';
import * as rest from '../rest.ts';
import { may, type Right } from './rights.ts';

const person = shallowRef<rest.Session>();

/** Somebody who is not signed in signs in first and comes back to the page asked for. */
export const signInFirst = (router: Router): void => {
  person.value = undefined;
  void router.push({ name: 'sign-in', query: { next: router.currentRoute.value.fullPath } });
};

export interface Viewer {
  person: typeof person;
  may(right: Right): boolean;
  know(): Promise<void>;
  signOut(): Promise<void>;
}

/** Who looks at the consoles, asked of the platform once for all of them. */
export function useViewer(): Viewer {
  const router = useRouter();
  return {
    person,
    may: (right) => may(person.value?.role, right),
    know: async () => {
      try {
        person.value = await rest.session();
      } catch (error) {
        if (error instanceof rest.Refused && error.status === 401) signInFirst(router);
      }
    },
    signOut: async () => {
      await rest.signOut().catch(() => undefined);
      person.value = undefined;
      await router.push({ name: 'sign-in' });
    },
  };
}

/** A problem in words: what the platform said, or that it said nothing. */
export function useComplaint(): ComputedRef<(error: unknown) => string> {
  const { t } = useI18n();
  return computed(() => (error) => {
    if (!(error instanceof rest.Refused)) return t('fail.unreachable');
    if (error.status === 404) return t('console.notFound');
    return `${t('fail.refused')}: ${error.message}`;
  });
}
