import { ApiProblem } from '../../problem.ts';
import type { Api } from './form.ts';

interface KnownPath {
  segments: string[];
  methods: Set<string>;
}

/** Tells an address that is not there (404) from a method that it does not take (405, with `Allow`). */
export function answerUnmatched(app: Api): void {
  const paths = new Map<string, KnownPath>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = paths.get(url) ?? { segments: url.split('/'), methods: new Set<string>() };
    for (const name of [method].flat()) known.methods.add(name);
    paths.set(url, known);
  });
  const allowed = (path: string): string[] => {
    const segments = path.split('/');
    const matching = [...paths.values()].filter(
      (known) =>
        known.segments.length === segments.length &&
        known.segments.every((segment, i) => (segment.startsWith(':') ? segments[i] !== '' : segment === segments[i])),
    );
    return [...new Set(matching.flatMap((known) => [...known.methods]))].sort();
  };
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = allowed(path);
    if (methods.length === 0) throw new ApiProblem(404, 'not-found', `there is nothing at ${path}`);
    reply.header('allow', methods.join(', '));
    throw new ApiProblem(405, 'method.not-allowed', `${path} takes ${methods.join(', ')}, not ${request.method}`);
  });
}
