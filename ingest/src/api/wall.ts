import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { PMTILES_PATH } from '../basemap/served.ts';
import { EVERYONE } from '../people/roles.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import type { Api } from './plumbing/form.ts';

const PUBLIC = { config: { roles: 'public' as const }, schema: { hide: true } };

/** Addresses of the wall's own pages; the page itself finds out which one it is. */
const PAGES = [
  '/wall',
  '/trips',
  '/trips/*',
  '/alarms',
  '/alarms/*',
  '/gates',
  '/gates/*',
  '/routes',
  '/routes/*',
  '/places',
  '/places/*',
  '/reports',
  '/locks',
  '/locks/*',
  '/replay',
  '/admin',
  '/admin/*',
  '/account',
  '/simulator',
  '/sign-in',
  '/console',
  '/console/*',
];

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sealwatch</title>
<h1>The wall is not built yet · 大屏尚未构建</h1>
<p>Run <code>npm run build</code> in the repository and start the platform again. The API is at <code>/api/v1</code>.</p></html>`;

/** Serves the built wall; its files carry a hash in their names and may be kept for ever, the page itself not at all. */
export async function wallRoutes(app: Api, deps: ApiDeps): Promise<void> {
  const { wallDir } = deps.config;
  const built = wallDir !== undefined && existsSync(join(wallDir, 'index.html'));
  app.get('/', PUBLIC, (_request, reply) => reply.redirect('/wall'));
  if (!built) {
    for (const url of PAGES) {
      app.get(url, PUBLIC, (_request, reply) => reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT));
    }
    return;
  }
  await app.register(fastifyStatic, {
    root: wallDir,
    serve: false,
    cacheControl: false,
    setHeaders: (reply, path) => {
      const forever = path.includes('/assets/');
      reply.setHeader('cache-control', forever ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  // The files of the wall hold nothing that is not public; what they show comes through the API.
  for (const entry of readdirSync(wallDir, { withFileTypes: true })) {
    if (entry.isFile()) app.get(`/${entry.name}`, PUBLIC, (_request, reply) => reply.sendFile(entry.name));
    else {
      app.get<{ Params: { '*': string } }>(`/${entry.name}/*`, PUBLIC, (request, reply) =>
        reply.sendFile(`${entry.name}/${request.params['*']}`),
      );
    }
  }
  for (const url of PAGES) app.get(url, PUBLIC, (_request, reply) => reply.sendFile('index.html'));
  const file = deps.config.basemap?.file;
  if (file === undefined) return;
  const signedIn = { config: { roles: EVERYONE }, schema: { hide: true } };
  app.get(PMTILES_PATH, signedIn, (_request, reply) => reply.sendFile(basename(file), dirname(file)));
}
