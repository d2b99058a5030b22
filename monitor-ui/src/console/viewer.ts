import type { Session } from '@sealwatch/schemas';
import { type ComputedRef, computed, shallowRef } from 'vue';
import { useI18n } from 'vue-i18n';
import { type Router, useRouter } from 'vue-router';
import * as rest from '../rest.ts';
import { may, type Right } from './rights.ts';

const person = shallowRef<Session>();

/** Leads to the sign-in page and from there back to the requested page. */
export const signInFirst = (router: Router, error: unknown): void => {
  person.value = undefined;
  void router.push({ name: 'sign-in', query: { next: router.currentRoute.value.fullPath, ...step(error) } });
};

/** Who is not signed in all the way goes on with the step that is wanted. */
const step = (error: unknown) =>
  error instanceof rest.Refused && error.problem.code === 'auth.second-factor' ? { step: 'second' } : {};

export interface Viewer {
  person: typeof person;
  may(right: Right): boolean;
  know(): Promise<void>;
  signOut(): Promise<void>;
}

/** The signed-in person, read from the platform once for all consoles. */
export function useViewer(): Viewer {
  const router = useRouter();
  return {
    person,
    may: (right) => may(person.value?.role, right),
    know: async () => {
      try {
        person.value = await rest.session();
      } catch (error) {
        if (error instanceof rest.Refused && error.status === 401) signInFirst(router, error);
      }
    },
    signOut: async () => {
      await rest.signOut().catch(() => undefined);
      person.value = undefined;
      await router.push({ name: 'sign-in' });
    },
  };
}

/** Text of a problem: the platform's own, or that it did not answer. */
export function useComplaint(): ComputedRef<(error: unknown) => string> {
  const { t } = useI18n();
  return computed(() => (error) => {
    if (!(error instanceof rest.Refused)) return t('fail.unreachable');
    if (error.status === 404) return t('console.notFound');
    return `${t('fail.refused')}: ${error.message}`;
  });
}
