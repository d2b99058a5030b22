import { onBeforeUnmount, onMounted, type Ref, ref, type ShallowRef, shallowRef } from 'vue';
import { useRouter } from 'vue-router';
import { type Page, Refused } from '../rest.ts';
import { signInFirst, useComplaint } from './viewer.ts';

export interface Reading<T> {
  value: ShallowRef<T | undefined>;
  loading: Ref<boolean>;
  problem: Ref<string | undefined>;
  /** The platform's refusal of the last act; undefined if it was accepted. */
  refused: ShallowRef<Refused | undefined>;
  reload(): Promise<void>;
  /** Calls the platform and reloads; a failure is shown as `problem`. @returns whether the call succeeded */
  act(todo: () => Promise<unknown>): Promise<boolean>;
}

/** Reads when the page is mounted, then every `everyMs` while it is visible. Answers to older requests are ignored. */
export function useReading<T>(read: () => Promise<T>, everyMs?: number): Reading<T> {
  const router = useRouter();
  const complaint = useComplaint();
  const value = shallowRef<T>();
  const loading = ref(true);
  const problem = ref<string>();
  const refused = shallowRef<Refused>();
  let asked = 0;
  const failed = (error: unknown) => {
    if (error instanceof Refused && error.status === 401) signInFirst(router, error);
    else problem.value = complaint.value(error);
  };
  const reload = async () => {
    const mine = ++asked;
    loading.value = true;
    try {
      const answer = await read();
      if (mine !== asked) return;
      value.value = answer;
      if (refused.value === undefined) problem.value = undefined;
    } catch (error) {
      if (mine === asked) failed(error);
    } finally {
      if (mine === asked) loading.value = false;
    }
  };
  const act = async (todo: () => Promise<unknown>) => {
    refused.value = undefined;
    problem.value = undefined;
    try {
      await todo();
    } catch (error) {
      if (error instanceof Refused) refused.value = error;
      failed(error);
      return false;
    }
    await reload();
    return true;
  };
  let timer: ReturnType<typeof setInterval> | undefined;
  onMounted(() => {
    void reload();
    if (everyMs !== undefined) timer = setInterval(() => document.hidden || reload(), everyMs);
  });
  onBeforeUnmount(() => {
    asked++;
    clearInterval(timer);
  });
  return { value, loading, problem, refused, reload, act };
}

/** Runs calls to the platform; a failure is shown as `problem`. @param words text for errors that need another one */
export function useDoing(words: (error: unknown) => string | undefined = () => undefined) {
  const complaint = useComplaint();
  const busy = ref(false);
  const problem = ref<string>();
  const run = async (todo: () => Promise<void>) => {
    busy.value = true;
    problem.value = undefined;
    try {
      await todo();
    } catch (error) {
      problem.value = words(error) ?? complaint.value(error);
    } finally {
      busy.value = false;
    }
  };
  return { busy, problem, run };
}

/** A list that reads further pages as it is scrolled. */
export function usePages<T>(readPage: (cursor?: string) => Promise<Page<T>>) {
  const items = shallowRef<T[]>([]);
  let next: string | undefined;
  let reading = false;
  const first = useReading(async () => {
    const page = await readPage();
    items.value = page.items;
    next = page.next;
    return page;
  });
  const more = async () => {
    if (reading || next === undefined || first.loading.value) return;
    reading = true;
    const from = next;
    try {
      const page = await readPage(from);
      if (next !== from) return;
      items.value = [...items.value, ...page.items];
      next = page.next;
    } catch {
      // Further scrolling tries again.
    } finally {
      reading = false;
    }
  };
  return { ...first, items, more };
}
