import { fileURLToPath } from 'node:url';
import type { Alarm, Trip } from '@sealwatch/schemas';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { barriers } from '../monitor-ui/test/browser/axe.ts';
import { keepPicture, languages, newView, sharedChromium, type View } from '../monitor-ui/test/browser/chromium.ts';
import { addPeople, type Platform, startPlatform } from './platform.ts';

const PATIENCE = { timeout: 180_000 };
const MINUTE_MS = 60_000;
const PASSWORD = 'a password of twelve and more';
const LOCK = 'JT70190001';
const PLATE = '浙G90001';
/** Straight east for some 39 km; the truck drives it at 100 km/h and reports every 30 s. */
const LINE: [number, number][] = [
  [120, 29.3],
  [120.2, 29.3],
  [120.4, 29.3],
];
const STEP_DEG = 0.00858;
const STEPS = 46;
/** Steps that it is off the road, and how far: 1.5 km. */
const OFF = { from: 15, to: 25, deg: 0.0135 };

let platform: Platform;
let browser: Browser;
let tripId: string;
const startMs = Date.now() - 40 * MINUTE_MS;
const faults: string[] = [];
const abroad: string[] = [];

const feature = (name: string, coordinates: [number, number][]) => ({
  type: 'Feature',
  geometry: { type: 'LineString', coordinates },
  properties: {
    name,
    halfWidthM: 200,
    origin: { name: '义乌', center: coordinates[0], radiusM: 500 },
    destination: { name: '大榭', center: coordinates.at(-1), radiusM: 800 },
  },
});

async function must<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await platform.call<T>(method, path, body);
  expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer.body;
}

function reports(): object[] {
  return Array.from({ length: STEPS + 4 }, (_, i) => {
    const step = Math.min(i, STEPS);
    const off = i >= OFF.from && i < OFF.to ? OFF.deg : 0;
    return {
      v: 1,
      boot: 1,
      seq: i + 1,
      time: new Date(startMs + i * 30_000).toISOString(),
      kind: 'backfill',
      mode: 'sealed',
      position: {
        lon: 120 + step * STEP_DEG,
        lat: 29.3 + off,
        accuracyM: 5,
        speedKmh: i > STEPS ? 0 : 100,
        headingDeg: 90,
        source: 'gnss',
      },
      seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: 7 },
      battery: { percent: 80, charging: false },
    };
  });
}

beforeAll(async () => {
  [platform, browser] = await Promise.all([startPlatform(), sharedChromium()]);
  await must('PUT', '/routes/east', feature('向东', LINE));
  const around = (lon: number, lat: number) =>
    [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1],
      [-1, -1],
    ].map(([x, y]) => [lon + x! * 0.005, lat + y! * 0.005]);
  await must('PUT', '/places/daxie', {
    type: 'Feature',
    geometry: { type: 'Polygon', coordinates: [around(120.4, 29.3)] },
    properties: { name: '大榭卡口', kind: 'gate', office: '3104' },
  });
  await addPeople(platform.app.http, [
    { name: '王芳', role: 'admin', password: PASSWORD },
    { name: '张敏', role: 'operator', password: PASSWORD },
    { name: '李强', role: 'operator', password: PASSWORD },
  ]);
  const { secret } = await must<{ secret: string }>('POST', '/locks', {
    lockId: LOCK,
    model: 'JT701D',
    simulated: true,
  });
  const trip = await must<Trip>('POST', '/trips', {
    declarationNo: '292120260900000001',
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'east',
    vehicle: { tractorPlate: PLATE },
    units: [{ containerNo: 'MSKU9070323', lockId: LOCK }],
    takeover: { sealedAt: new Date(startMs - MINUTE_MS).toISOString(), departedAt: new Date(startMs).toISOString() },
  });
  tripId = trip.tripId;
  const lock = await platform.connectLock(LOCK, secret);
  await lock.publishAsync(`locks/${LOCK}/report`, JSON.stringify(reports()), { qos: 1 });
  await vi.waitFor(async () => {
    expect((await must<Trip>('GET', `/trips/${tripId}`)).status).toBe('arrived');
  }, PATIENCE);
});
afterAll(async () => {
  await platform?.stop();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  expect(abroad).toEqual([]);
  expect(faults).toEqual([]);
});

/** Large enough for every page; a map without a graphics card costs by its size. */
const SIZE = { width: 960, height: 540 };

async function signedIn(name: string, view: View = {}): Promise<BrowserContext> {
  const context = await newView(browser, { ...SIZE, reducedMotion: 'reduce', ...view });
  context.on('request', (request) => {
    if (!request.url().startsWith(platform.app.http) && !/^(blob|data):/.test(request.url()))
      abroad.push(request.url());
  });
  context.on(
    'console',
    (message) => message.type() === 'error' && faults.push(`${message.text()} ${message.location().url}`),
  );
  context.on('weberror', (error) => faults.push(error.error().message));
  const { status } = await context.request
    .post(`${platform.app.http}/api/v1/session`, { data: { name, password: PASSWORD } })
    .then((answer) => ({ status: answer.status() }));
  expect(status).toBe(201);
  return context;
}

/** Goes on to another page as a link does, without loading all of it again. */
async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate((to) => {
    history.pushState({}, '', to);
    dispatchEvent(new PopStateEvent('popstate', { state: {} }));
  }, path);
}

async function open(path: string, name = '王芳', view: View = {}): Promise<Page> {
  const page = await (await signedIn(name, view)).newPage();
  await page.goto(platform.app.http + path);
  return page;
}

const deviation = async () =>
  (await must<{ items: Alarm[] }>('GET', `/alarms?tripId=${tripId}&rule=route.deviation`)).items[0]!;

describe('the consoles', () => {
  it('replay the deviation: green before it, red from its confirmation on, at the very times of the records', async () => {
    const { startedAt, confirmedAt } = await deviation();
    expect(startedAt).toBe(new Date(startMs + OFF.from * 30_000).toISOString());
    const page = await (await signedIn('王芳')).newPage();
    let reads = 0;
    page.on('request', (request) => {
      if (request.url().includes(`/trips/${tripId}/track`)) reads += 1;
    });
    await page.goto(`${platform.app.http}/replay?trips=${tripId}`);
    const truck = page.locator(`[data-truck="${tripId}"]`);
    await expect.poll(() => truck.getAttribute('data-status'), PATIENCE).toBe('green');
    await page.locator('.events button', { hasText: '偏离路线 · 确认' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get('at'), PATIENCE).toBe(confirmedAt);
    await expect.poll(() => truck.getAttribute('data-status'), PATIENCE).toBe('red');
    // Read again, the story would begin anew under the hands of whoever has moved on.
    expect(reads).toBe(1);
  });

  it('say which past trips another route would have turned red, and write nothing', async () => {
    const page = await open('/routes/east');
    const ask = async () => {
      await page.click('[data-act="what-if"]');
      await page.locator('[data-what-if]').waitFor(PATIENCE);
    };
    await ask();
    expect(await page.locator('[data-group="both"] [data-trip]').getAttribute('data-trip')).toBe(tripId);
    // A corridor as wide as the detour was would have seen none.
    await page.fill('[name="halfWidthM"]', '2000');
    await page.locator('[name="halfWidthM"]').blur();
    await page.click('[data-act="what-if"]');
    await expect.poll(() => page.locator('[data-group="less"] [data-trip]').count(), PATIENCE).toBe(1);
    expect(await page.locator('[data-group="both"] [data-trip]').count()).toBe(0);
    expect((await deviation()).state).not.toBe('disposed');
    expect((await must<{ version: number }>('GET', '/routes/east')).version).toBe(1);
  });

  it('draw the corridor of a route as it is kept and as it is changed, and give it away as GeoJSON', async () => {
    const corridors: { path: string; status: number; body: { geometry?: object; corridor?: object } }[] = [];
    const page = await open('/routes');
    page.on('response', async (response) => {
      const path = new URL(response.url()).pathname.replace('/api/v1', '');
      if (!/corridor$|check$/.test(path)) return;
      corridors.push({ path, status: response.status(), body: await response.json() });
    });
    await page.click('a[href$="/routes/east"]');
    await expect
      .poll(() => corridors[0], PATIENCE)
      .toMatchObject({
        path: '/routes/east/corridor',
        status: 200,
        body: { geometry: { type: 'Polygon' } },
      });
    const link = page.locator('[data-act="corridor"]');
    expect(await link.textContent()).toBe('下载走廊 GeoJSON');
    expect(await link.getAttribute('download')).toBe('east-v1.geojson');
    await page.fill('[name="halfWidthM"]', '3000');
    await page.locator('[name="halfWidthM"]').blur();
    await expect
      .poll(() => corridors[1], PATIENCE)
      .toMatchObject({
        path: '/routes/check',
        status: 200,
        body: { corridor: { type: 'Polygon' } },
      });
    // The corridor is 6 km wide; the route of 38.8 km takes most of the map's width.
    const map = (await page.locator('.console-map').boundingBox())!;
    /** @param beside the line, as a share of the map's width */
    const strip = (beside: number) => {
      const y = map.y + map.height / 2 - Math.round(beside * map.width);
      return page.screenshot({ clip: { x: map.x + map.width / 2, y, width: 8, height: 1 } });
    };
    await expect.poll(async () => (await strip(0.03)).equals(await strip(0.1)), PATIENCE).toBe(false);
    await keepPicture(page, 'routes-corridor.zh-CN');
  });

  it('say what was read of a file of a route before it is saved, in both languages, and join all of its lines', async () => {
    const legs = fileURLToPath(new URL('../ingest/test/fieldcases/fixtures/three-legs.geojson', import.meta.url));
    for (const [language, told, unused] of [
      ['en', /three-legs\.geojson \(GeoJSON\): 3 of 3 lines, 48\.\d km, 13 points, system WGS-84/, 'was not used'],
      ['zh-CN', /three-legs\.geojson（GeoJSON）：3 条线中的 3 条，48\.\d.*，13 点，坐标系 WGS-84/, '未使用'],
    ] as const) {
      const page = await open('/routes/new', '王芳', { locale: language });
      await page.locator('input[type="file"]').setInputFiles(legs);
      await expect.poll(() => page.locator('[data-told="read"]').textContent(), PATIENCE).toMatch(told);
      const faults = (await page.locator('.faults').textContent()) ?? '';
      expect(faults).toContain('properties.speedLimit');
      expect(faults).toContain(unused);
    }
  });

  it('let the officer at the gate decide by keyboard, and ask for a second person to release a red truck', async () => {
    const { verdict, passageId } = await must<{ verdict: string; passageId: string }>('POST', '/gates/daxie/passages', {
      passageId: 'console-1',
      lane: '2',
      direction: 'in',
      at: new Date().toISOString(),
      plate: { text: PLATE },
      containers: [{ no: 'MSKU9070323' }],
      lockIds: [LOCK],
    });
    expect(verdict).toBe('alarm');
    const page = await open('/gates/daxie', '张敏', { width: 1280, height: 720 });
    const card = page.locator(`[data-passage="${passageId}"]`);
    await expect.poll(() => card.getAttribute('data-verdict'), PATIENCE).toBe('alarm');
    const word = (await card.locator('.word').boundingBox())!;
    // Three metres: letters of 7 cm on a screen 60 cm wide are an eighth of its width high, or a seventh of 720.
    expect(word.height).toBeGreaterThanOrEqual(720 / 7);
    await page.keyboard.press('2');
    await page.keyboard.type('查验箱体');
    await page.keyboard.press('Enter');
    await card.locator('[data-decision="inspect"]').waitFor(PATIENCE);
    expect(await card.textContent()).toContain('查验箱体');

    await page.locator('h1').click();
    await page.keyboard.press('1');
    await page.keyboard.press('Enter');
    await page.locator('[data-approval]').waitFor(PATIENCE);
    expect(await page.locator('[data-approval] [data-act="confirm"]').count()).toBe(0);
    const second = await open('/gates/daxie', '李强');
    await second.locator('[data-approval] [data-act="confirm"]').click();
    await card.locator('[data-decision="release"]').waitFor(PATIENCE);
    const { items } = await must<{ items: { passageId: string; decision: object }[] }>('GET', '/gates/daxie/passages');
    expect(items.find((one) => one.passageId === passageId)?.decision).toMatchObject({
      decision: 'release',
      by: '张敏',
      secondPerson: '李强',
    });
  });

  it('name the wrong lines of a file of locks and register none, then register all of a right one', async () => {
    const page = await open('/locks', '王芳', { locale: 'en' });
    await page.click('[data-act="import"]');
    const dialog = page.locator('dialog[open]');
    await dialog.locator('[name="locks"]').fill('lock;model\nJT70190002;JT701D\nJT-3;JT701D\n');
    await dialog.locator('button.main').click();
    await expect
      .poll(() => dialog.locator('.problem').textContent(), PATIENCE)
      .toContain('Line 3, lock: “JT-3”; expected 6 to 20 letters and digits');
    await dialog.locator('[name="locks"]').fill('lock;model\nJT70190002;JT701D\nJT70190003;JT701D\n');
    expect(await dialog.locator('.problem').count()).toBe(0);
    await dialog.locator('button.main').click();
    await expect.poll(() => dialog.locator('pre').textContent(), PATIENCE).toContain('JT70190003,');
    expect(await must('GET', '/locks/JT70190002')).toMatchObject({ model: 'JT701D', state: 'new' });
  });

  it.each(
    languages([
      ['zh-CN', '解除锁定', '前不能登录'],
      ['en', 'Lift the lock-out', 'locked out until'],
    ] as const),
  )('show who is locked out after wrong passwords, and lift it (%s)', async (locale, word, state) => {
    const page = await open('/admin/people', '王芳', { locale });
    const signIn = async (password: string) =>
      (await platform.call('POST', '/session', { name: '李强', password }, 'no key')).status;
    for (let n = 0; n < 12; n++) await signIn(`wrong password ${n}`);
    expect(await signIn(PASSWORD)).toBe(429);
    await page.reload();
    await page.getByText(state).first().waitFor(PATIENCE);
    await page.getByRole('button', { name: word }).first().click();
    await expect.poll(() => page.getByText(state).count(), PATIENCE).toBe(0);
    expect(await signIn(PASSWORD)).toBe(201);
  });

  it('are without barriers (WCAG 2.2 AA), in both languages, with nothing asked of other machines', async () => {
    const paths = [
      '/alarms',
      '/trips',
      `/trips/${tripId}`,
      '/gates',
      '/gates/daxie',
      '/locks',
      `/locks/${LOCK}`,
      '/replay',
      '/routes',
      '/routes/east',
    ];
    const more = [
      '/places',
      '/places/daxie',
      '/reports',
      '/account',
      '/admin/people',
      '/admin/keys',
      '/admin/subscriptions',
      '/admin/audit',
      '/admin/quarantine',
    ];
    const [chinese, english] = await Promise.all([signedIn('王芳'), signedIn('王芳', { locale: 'en' })]);
    const found: string[] = [];
    for (const [context, all, language] of [
      [chinese, [...paths, ...more], 'zh-CN'],
      [english, ['/alarms', '/gates/daxie', '/reports', '/account', '/admin/people'], 'en'],
    ] as const) {
      const page = await context.newPage();
      await page.goto(`${platform.app.http}${all[0]}`);
      for (const path of all) {
        await goTo(page, path);
        await page.locator('h1').first().waitFor(PATIENCE);
        await expect.poll(() => page.locator('.problem').count(), PATIENCE).toBe(0);
        await expect.poll(() => page.getByText(/正在读取|Reading…/).count(), PATIENCE).toBe(0);
        await keepPicture(page, `${path.slice(1).replace(tripId, 'one').replaceAll('/', '-')}.${language}`);
        found.push(...(await barriers(page)).map((barrier) => `${path} ${barrier}`));
      }
    }
    expect(found).toEqual([]);
  });
});
