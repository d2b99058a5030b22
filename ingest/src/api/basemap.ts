import { Basemap } from '@sealwatch/schemas';
import { EVERYONE } from '../people/roles.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';

/** The operator's own basemap: addresses may carry a key, so only those who are signed in learn of it. */
export function basemapRoutes(app: Api, deps: ApiDeps): void {
  app.get(
    '/basemap',
    {
      config: { roles: EVERYONE },
      schema: {
        tags: ['places'],
        summary: 'What the screens draw below the fleet',
        response: answers({ 200: Basemap }),
      },
    },
    async () => deps.config.basemap?.answer ?? ({ kind: 'offline' } as const),
  );
}
