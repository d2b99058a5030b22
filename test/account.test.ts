import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { barriers } from '../monitor-ui/test/browser/axe.ts';
import { keepPicture, newView, sharedChromium } from '../monitor-ui/test/browser/chromium.ts';
import { type Platform, startPlatform } from './platform.ts';

const PATIENCE = { timeout: 180_000 };
const PASSWORD = 'a password of twelve and more';

let platform: Platform;
let browser: Browser;
const faults: string[] = [];
beforeAll(async () => {
  [platform, browser] = await Promise.all([startPlatform(), sharedChromium()]);
});
afterAll(() => platform?.stop());
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  expect(faults.splice(0)).toEqual([]);
});

/** A browser of its own, in which an error on a page fails the test. */
async function view(locale: string): Promise<BrowserContext> {
  const context = await newView(browser, { locale, width: 960, height: 900, reducedMotion: 'reduce' });
  context.on('weberror', (error) => faults.push(error.error().message));
  return context;
}

async function add(name: string, role = 'operator'): Promise<void> {
  expect((await platform.call('POST', '/users', { name, role, password: PASSWORD })).status).toBe(201);
}

async function signIn(page: Page, name: string, password = PASSWORD): Promise<void> {
  await page.fill('[name="name"]', name);
  await page.fill('[name="password"]', password);
  await page.click('button[type="submit"]');
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
  it.each([
    ['en', 'End', 'This one', 'Sessions of'],
    ['zh-CN', '结束', '本次登录', '的登录会话'],
  ])(
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
      const admin = await open('/admin/people', `王芳 ${locale}`, locale);
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
