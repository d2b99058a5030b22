import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadTrips } from '../../src/store/reports/roster.ts';
import { addRoute, addTrip, startPlatform, type TestPlatform, takeover } from './platform.ts';

const STOP = 'time.unapproved-stop';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
});
afterAll(() => platform?.stop());

const put = (layer: string, body: unknown) =>
  platform.call('PUT', `/api/v1/params/${encodeURIComponent(layer)}`, { body });

/** Declares a trip; answers the layers of parameters that judge it, as they are then read. */
async function declared(company?: string) {
  const { tripId } = await addTrip(platform, { takeover: takeover(), ...(company === undefined ? {} : { company }) });
  expect((await platform.call('GET', `trips/${tripId}`)).body.company).toBe(company);
  return async () => {
    const [stored] = await loadTrips(platform.pool, [tripId]);
    return [stored?.platformParams, stored?.companyParams];
  };
}

test('the platform’s and a company’s parameters judge the trips declared from then on, and those alone', async () => {
  const before = await declared('东海物流');
  expect((await put('platform', { [STOP]: { maxStopMin: 20 } })).status).toBe(200);
  expect((await put('company:东海物流', { [STOP]: { maxStopMin: 25 } })).body).toMatchObject({
    layer: 'company:东海物流',
    params: { [STOP]: { maxStopMin: 25 } },
  });
  const after = await declared('东海物流');
  const other = await declared('Another');
  const none = await declared();
  await put('platform', {});
  expect(await before()).toEqual([undefined, undefined]);
  expect(await after()).toEqual([{ [STOP]: { maxStopMin: 20 } }, { [STOP]: { maxStopMin: 25 } }]);
  expect(await other()).toEqual([{ [STOP]: { maxStopMin: 20 } }, undefined]);
  expect(await none()).toEqual([{ [STOP]: { maxStopMin: 20 } }, undefined]);
  expect(await (await declared())()).toEqual([{}, undefined]);
});

test('what stands in each layer is listed, who set it is audited', async () => {
  await put('platform', { 'power.low': { percent: 40 } });
  const list = (await platform.call('GET', 'params')).body.items;
  expect(list.map(({ layer, params }) => [layer, params])).toContainEqual([
    'platform',
    { 'power.low': { percent: 40 } },
  ]);
  const audited = (await platform.call('GET', 'audit?subject=params:platform')).body.items;
  expect(audited[0]).toMatchObject({ action: 'params.put', after: { 'power.low': { percent: 40 } } });
});

test('wrong parameters are refused, each with its path, its value and what was expected; nothing is kept', async () => {
  const before = (await platform.call('GET', 'params')).body.items;
  const answer = await put('platform', { [STOP]: { maxStopMin: -5, stay: 1 }, 'route.devation': {} });
  expect([answer.status, answer.body.code]).toEqual([422, 'params.invalid']);
  expect(answer.body.errors.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    expect.stringMatching(/^time\.unapproved-stop\.maxStopMin: .*>0.*\(got -5\)/),
    expect.stringMatching(/^time\.unapproved-stop: .*stay/),
    expect.stringMatching(/^route\.devation: no such rule; known are .*route\.deviation/),
  ]);
  expect((await put('platform', [])).status).toBe(422);
  expect((await put('platform', { [STOP]: 7 })).status).toBe(422);
  for (const layer of ['company', 'company:', 'office:2921', 'company: x']) {
    const refused = await put(layer, {});
    expect([layer, refused.status, refused.body.errors[0]?.path]).toEqual([layer, 422, 'layer']);
  }
  expect((await platform.call('GET', 'params')).body.items).toEqual(before);
});
