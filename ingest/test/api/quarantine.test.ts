import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertQuarantine } from '../../src/store/reports/quarantine.ts';
import { startPlatform, type TestPlatform } from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  const row = (lockId: string, reason: string, raw: string) => ({
    lockId,
    topic: `locks/${lockId}/report`,
    reason,
    detail: '',
    raw: Buffer.from(raw, 'latin1'),
  });
  await insertQuarantine(platform.pool, [
    row('JT70100001', 'not-json', 'one'),
    row('JT70100001', 'invalid', '{"v":1}'),
    row('JT70100002', 'not-json', '\xff\x00'),
  ]);
});
afterAll(() => platform?.stop());

const list = async (query: string) => {
  const { status, body } = await platform.call('GET', `quarantine?${query}`);
  expect(status).toBe(200);
  return body.items.map(({ lockId, reason }) => `${lockId} ${reason}`);
};

test('the quarantine is listed newest first, by lock, by reason and by time', async () => {
  expect(await list('')).toEqual(['JT70100002 not-json', 'JT70100001 invalid', 'JT70100001 not-json']);
  expect(await list('lockId=JT70100001')).toEqual(['JT70100001 invalid', 'JT70100001 not-json']);
  expect(await list('reason=not-json')).toEqual(['JT70100002 not-json', 'JT70100001 not-json']);
  expect(await list('to=2020-01-01T00:00:00Z')).toEqual([]);
  expect(await list('from=2020-01-01T00:00:00Z&reason=invalid')).toEqual(['JT70100001 invalid']);
});

test('raw bytes are shown as text where they are text, else in base64', async () => {
  const { body } = await platform.call('GET', 'quarantine');
  expect(body.items.map(({ raw, encoding }) => [raw, encoding])).toEqual([
    ['/wA=', 'base64'],
    ['{"v":1}', 'utf8'],
    ['one', 'utf8'],
  ]);
});

test('a replay says of each entry what is refused still, oldest first and page by page', async () => {
  const first = await platform.call('POST', 'quarantine/replay', { body: { lockId: 'JT70100001', limit: 1 } });
  expect(first.body.items).toMatchObject([{ stored: 0, refused: [{ reason: 'not-json' }] }]);
  const body = { lockId: 'JT70100001', limit: 1, cursor: first.body.next };
  const second = await platform.call('POST', 'quarantine/replay', { body });
  expect(second.body.items).toMatchObject([{ stored: 0, refused: [{ reason: 'invalid' }] }]);
  expect(second.body.next).toBeUndefined();
  const one = await platform.call('POST', `quarantine/${first.body.items[0]?.quarantineId}/replay`);
  expect(one).toMatchObject({ status: 200, body: { refused: [{ reason: 'not-json' }] } });
  expect(await list('')).toHaveLength(3);
});

test.each(['999999', 'x', '99999999999999999999'])('entry %s is not there', async (id) => {
  expect(await platform.call('POST', `quarantine/${id}/replay`)).toMatchObject({
    status: 404,
    body: { code: 'quarantine.not-found' },
  });
});
