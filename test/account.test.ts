import { type AddressInfo, createServer } from 'node:net';
import { Secret, TOTP } from 'otpauth';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, type OpenIdProvider, startOpenIdProvider } from '../ingest/test/people/openid-provider.ts';
import { barriers } from '../monitor-ui/test/browser/axe.ts';
import { keepPicture, languages, newView, sharedChromium } from '../monitor-ui/test/browser/chromium.ts';
import { type Platform, startPlatform } from './platform.ts';

const PATIENCE = { timeout: 180_000 };
const PASSWORD = 'a password of twelve and more';

let platform: Platform;
let browser: Browser;
let idp: OpenIdProvider;
const faults: string[] = [];
beforeAll(async () => {
  const port = await freePort();
  idp = await startOpenIdProvider();
  const SETTINGS = {
    SEALWATCH_SECOND_FACTOR: 'required',
    SEALWATCH_HTTP_PORT: String(port),
    SEALWATCH_PUBLIC_URL: `http://127.0.0.1:${port}`,
    SEALWATCH_OIDC_ISSUER: idp.issuer,
    SEALWATCH_OIDC_CLIENT_ID: CLIENT.id,
    SEALWATCH_OIDC_CLIENT_SECRET: CLIENT.secret,
    SEALWATCH_OIDC_GROUPS: 'duty=operator@3104',
    SEALWATCH_OIDC_NAME: '海关统一身份',
  };
  [platform, browser] = await Promise.all([startPlatform(SETTINGS), sharedChromium()]);
});
afterAll(async () => {
  await platform?.stop();
  await idp?.stop();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  expect(faults.splice(0)).toEqual([]);
});

/** A port that nobody listens at: the provider must know the platform's address before it starts. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A browser of its own, in which an error on a page fails the test. */
async function view(locale: string): Promise<BrowserContext> {
  const context = await newView(browser, { locale, width: 960, height: 900, reducedMotion: 'reduce' });
  context.on('weberror', (error) => faults.push(error.error().message));
  return context;
}

/** A call of a browser of its own. @param cookie of its session, which the answer may replace */
async function send(path: string, body: object, cookie?: string) {
  const answer = await fetch(`${platform.app.http}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(cookie === undefined ? {} : { cookie }) },
    body: JSON.stringify(body),
  });
  const given = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie;
  return { status: answer.status, body: (await answer.json()) as Record<string, string>, cookie: given };
}

/** The first administrator, whom a key makes, with an authenticator. @returns the cookie of the session */
async function firstAdmin(): Promise<string | undefined> {
  const admin = { name: '第一位管理员', password: PASSWORD };
  expect((await platform.call('POST', '/users', { ...admin, role: 'admin' })).status).toBe(201);
  const signedIn = await send('/session', admin);
  const enrolling = await send('/account/second-factor', {}, signedIn.cookie);
  const code = codes(enrolling.body.secret!)();
  const confirmed = await send('/account/second-factor/confirm', { code }, enrolling.cookie);
  expect(confirmed.status).toBe(200);
  return confirmed.cookie;
}

let admin: Promise<string | undefined> | undefined;

async function add(name: string, role = 'operator'): Promise<void> {
  admin ??= firstAdmin();
  expect((await send('/users', { name, role, password: PASSWORD }, await admin)).status).toBe(201);
}

async function signIn(page: Page, name: string, password = PASSWORD): Promise<void> {
  await page.fill('[name="name"]', name);
  await page.fill('[name="password"]', password);
  await page.click('button[type="submit"]');
}

/** A code of an authenticator with this secret; another one each time, up to one step ahead of the clock. */
function codes(secret: string): () => string {
  let step = Math.floor(Date.now() / 30_000) - 1;
  const totp = new TOTP({ secret: Secret.fromBase32(secret.replaceAll(' ', '')) });
  return () => {
    step++;
    return totp.generate({ timestamp: step * 30_000 });
  };
}

/** Enrols an authenticator on the page that asks for it. @returns codes of it, and the recovery codes */
async function enrol(page: Page): Promise<{ next: () => string; recovery: string[] }> {
  const next = codes((await page.locator('[data-secret]').textContent({ timeout: PATIENCE.timeout })) ?? '');
  await page.fill('[name="code"]', next());
  await page
    .locator('form', { has: page.locator('[name="code"]') })
    .locator('button[type="submit"]')
    .click();
  await page.locator('[data-recovery]').first().waitFor(PATIENCE);
  const recovery = await page.locator('[data-recovery]').allTextContents();
  return { next, recovery };
}

/** Signs in by the form and looks at a page of the consoles. */
async function open(path: string, name: string, locale = 'zh-CN'): Promise<Page> {
  const page = await (await view(locale)).newPage();
  await page.goto(`${platform.app.http}/sign-in?next=${encodeURIComponent(path)}`);
  await signIn(page, name);
  await page.waitForURL(platform.app.http + path, PATIENCE);
  return page;
}

describe('the own account', () => {
  it.each(
    languages([
      ['zh-CN', '结束', '本次登录', '的登录会话'],
      ['en', 'End', 'This one', 'Sessions of'],
    ] as const),
  )(
    'lists the sessions, marks this one and ends another; an admin sees them too (%s)',
    async (locale, word, mark, of) => {
      const name = `李强 ${locale}`;
      await add(name);
      await add(`王芳 ${locale}`, 'admin');
      const page = await open('/account', name, locale);
      const other = await open('/account', name, locale);
      await page.reload();
      await page.getByText(mark).waitFor(PATIENCE);
      const rows = page.locator('[data-session]');
      expect(await rows.count()).toBe(2);
      await keepPicture(page, `account-sessions.${locale}`);
      await rows.getByRole('button', { name: word }).click();
      await expect.poll(() => rows.count(), PATIENCE).toBe(1);
      expect(await page.getByText(mark).count()).toBe(1);
      await other.reload();
      await other.waitForURL(/\/sign-in/, PATIENCE);
      const admin = await (await view(locale)).newPage();
      await admin.goto(`${platform.app.http}/sign-in?next=/admin/people`);
      await signIn(admin, `王芳 ${locale}`);
      await enrol(admin);
      await admin.click('[data-act="kept"]');
      await admin.locator('[role="row"]', { hasText: name }).locator('[data-act="sessions"]').click();
      await admin.getByText(new RegExp(of)).waitFor(PATIENCE);
      await admin.locator('[data-session]').waitFor(PATIENCE);
      await keepPicture(admin, `admin-people-sessions.${locale}`);
      expect([...(await barriers(page)), ...(await barriers(admin))]).toEqual([]);
    },
  );

  it('changes the password, and says so where the current one is wrong', async () => {
    await add('张敏');
    const page = await open('/account', '张敏');
    const change = async (current: string, next: string) => {
      await page.fill('[name="current"]', current);
      await page.fill('[name="next"]', next);
      await page.fill('[name="again"]', next);
      await page.getByRole('button', { name: '修改密码' }).click();
    };
    await change('not the password', `${PASSWORD}!`);
    await page.getByText('当前密码不对').waitFor(PATIENCE);
    await change(PASSWORD, `${PASSWORD}!`);
    await page.getByText('密码已修改').waitFor(PATIENCE);
    const again = await platform.call('POST', '/session', { name: '张敏', password: `${PASSWORD}!` }, 'no key');
    expect(again.status).toBe(201);
  });
});

describe('the second factor', () => {
  it.each(languages(['en', 'zh-CN']))(
    'is enrolled where the role needs it, and asked for at the next sign-in (%s)',
    async (locale) => {
      const name = `陈伟 ${locale}`;
      await add(name, 'supervisor');
      const page = await (await view(locale)).newPage();
      await page.goto(`${platform.app.http}/sign-in?next=/account`);
      await signIn(page, name);
      await page.locator('svg[role="img"]').waitFor(PATIENCE);
      await keepPicture(page, `sign-in-enrol.${locale}`);
      const found = await barriers(page);
      const { next, recovery } = await enrol(page);
      await keepPicture(page, `sign-in-recovery.${locale}`);
      found.push(...(await barriers(page)));
      await page.click('[data-act="kept"]');
      await page.locator('[data-session]').waitFor(PATIENCE);
      await keepPicture(page, `account-factor.${locale}`);

      const other = await (await view(locale)).newPage();
      await other.goto(`${platform.app.http}/sign-in?next=/account`);
      await signIn(other, name);
      await other.locator('[name="code"]').waitFor(PATIENCE);
      await keepPicture(other, `sign-in-code.${locale}`);
      found.push(...(await barriers(other)));
      await other.fill('[name="code"]', '000000');
      await other.click('button[type="submit"]');
      await other.locator('[role="alert"]').waitFor(PATIENCE);
      await other.fill('[name="code"]', next());
      await other.click('button[type="submit"]');
      await other.locator('[data-session]').first().waitFor(PATIENCE);

      const last = await (await view(locale)).newPage();
      await last.goto(`${platform.app.http}/sign-in?next=/account`);
      await signIn(last, name);
      await last.fill('[name="code"]', recovery[0]!);
      await last.click('button[type="submit"]');
      await last.getByText(/: 9\.|9 个/).waitFor(PATIENCE);
      expect(found).toEqual([]);
    },
  );

  it('is enrolled and removed on the own account', async () => {
    await add('赵静');
    const page = await open('/account', '赵静');
    await page.click('[data-act="enrol"]');
    const { next } = await enrol(page);
    await page.click('[data-act="kept"]');
    await page.getByText('剩余恢复码 10 个').waitFor(PATIENCE);
    await page.fill('[name="code"]', next());
    await page.getByRole('button', { name: '解除绑定' }).click();
    await page.locator('[data-act="enrol"]').waitFor(PATIENCE);
  });

  it('of a supervisor is reset by two administrators, on the page of people', async () => {
    const pages: Page[] = [];
    for (const name of ['孙丽', '刘洋', '周涛']) {
      await add(name, 'admin');
      const page = await (await view('zh-CN')).newPage();
      await page.goto(`${platform.app.http}/sign-in?next=/admin/people`);
      await signIn(page, name);
      await enrol(page);
      await page.click('[data-act="kept"]');
      pages.push(page);
    }
    const [, first, second] = pages as [Page, Page, Page];
    await first.reload();
    first.on('dialog', (dialog) => void dialog.accept());
    const row = (page: Page) => page.locator('[role="row"]', { hasText: '孙丽' });
    await row(first).locator('[data-act="reset-factor"]').click();
    await first.locator('[data-approval]').waitFor(PATIENCE);
    expect(await first.locator('[data-approval]').textContent()).toContain('重置二次验证');
    await keepPicture(first, 'admin-people-reset.zh-CN');
    await second.locator('[data-approval] [data-act="confirm"]').click();
    await expect.poll(() => row(second).textContent(), PATIENCE).toContain('未启用');
  });
});

describe('the provider of the operator', () => {
  it.each(languages(['zh-CN', 'en']))(
    'signs in by its button and back to the page that was asked for (%s)',
    async (locale) => {
      idp.claims = { sub: `subject ${locale}`, name: `吴磊 ${locale}`, groups: ['duty'] };
      const page = await (await view(locale)).newPage();
      await page.goto(`${platform.app.http}/sign-in?next=/account`);
      await page.locator('.provider').waitFor(PATIENCE);
      await keepPicture(page, `sign-in-provider.${locale}`);
      const found = await barriers(page);
      await page.click('.provider');
      await page.locator('[data-session]').waitFor(PATIENCE);
      expect(new URL(page.url()).pathname).toBe('/account');
      expect(await page.locator('.account').textContent()).toContain(`吴磊 ${locale}`);
      expect(await page.locator('[name="next"]').count()).toBe(0);
      expect(found).toEqual([]);
    },
  );

  it.each(
    languages([
      ['en', 'Ask the administrator of this platform which group you need'],
      ['zh-CN', '请向平台管理员询问所需用户组'],
    ] as const),
  )('leads who is in no group to a page that says what to ask for (%s)', async (locale, words) => {
    idp.claims = { sub: 'nobody', name: 'Nobody', groups: ['strangers'] };
    const page = await (await view(locale)).newPage();
    await page.goto(`${platform.app.http}/sign-in`);
    await page.click('.provider');
    await page.locator('[data-refused="no-group"]').waitFor(PATIENCE);
    expect(await page.locator('[role="alert"]').textContent()).toContain(words);
    await keepPicture(page, `sign-in-no-group.${locale}`);
    expect(await barriers(page)).toEqual([]);
  });
});
