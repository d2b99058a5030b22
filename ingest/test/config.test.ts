import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';

describe('the settings', () => {
  it('have sane defaults: loopback, the usual ports, an embedded database in ./data', () => {
    expect(readConfig({})).toMatchObject({ host: '127.0.0.1', httpPort: 8080, mqttPort: 1883, mqttsPort: 8883 });
    expect(readConfig({}).databaseUrl).toBeUndefined();
    expect(readConfig({}).dataDir).toMatch(/\/data$/);
  });

  it('take port 0 for "choose one" and an empty variable for an absent one', () => {
    expect(readConfig({ SEALWATCH_HTTP_PORT: '0', SEALWATCH_MQTT_PORT: '' })).toMatchObject({
      httpPort: 0,
      mqttPort: 1883,
    });
  });

  it('tell all that is wrong at once, each with what was expected', () => {
    const wrong = {
      SEALWATCH_HTTP_PORT: 'eighty',
      SEALWATCH_MQTT_PORT: '70000',
      SEALWATCH_BOOTSTRAP_KEY: 'short',
      SEALWATCH_LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://x',
    };
    const message = (() => {
      try {
        readConfig(wrong);
        return 'nothing thrown';
      } catch (error) {
        return (error as Error).message;
      }
    })();
    for (const name of Object.keys(wrong)) expect(message).toContain(name);
    expect(message).toContain('at least 32 characters');
    expect(message).not.toContain('short');
  });

  it('keep reports for ever unless told for how many days', () => {
    expect(readConfig({}).retentionDays).toBeUndefined();
    expect(readConfig({ SEALWATCH_RETENTION_DAYS: '400' }).retentionDays).toBe(400);
    for (const wrong of ['7', '-1', 'a year', '30.5'])
      expect(() => readConfig({ SEALWATCH_RETENTION_DAYS: wrong })).toThrow('expected whole days: 30 to 36500');
  });

  it('take RabbitMQ with the database and the key that its members share, and no simulated fleets', () => {
    const amqp = 'amqp://user:never-to-be-repeated@10.0.0.1:5672/sealwatch';
    const shared = { DATABASE_URL: 'postgres://u:p@h/d', SEALWATCH_WEBHOOK_KEY: Buffer.alloc(32).toString('base64') };
    expect(readConfig({ ...shared, AMQP_URL: amqp }).amqp).toMatchObject({ hosts: ['10.0.0.1:5672'] });
    expect(readConfig({}).amqp).toBeUndefined();
    for (const [wrong, said] of [
      [{ AMQP_URL: amqp }, 'needs DATABASE_URL'],
      [{ AMQP_URL: amqp }, 'needs SEALWATCH_WEBHOOK_KEY'],
      [{ ...shared, AMQP_URL: 'http://10.0.0.1' }, 'AMQP_URL: expected amqp://'],
      [{ ...shared, AMQP_URL: amqp, SEALWATCH_SIMULATOR: '1' }, 'SEALWATCH_SIMULATOR: expected 0'],
    ] as const) {
      expect(() => readConfig(wrong)).toThrow(said);
      expect(() => readConfig(wrong)).not.toThrow('never-to-be-repeated');
    }
  });

  it('call people after 2 and 5 min unless told, the second time after the first', () => {
    expect(readConfig({}).calls).toEqual({ remindAfterMs: 120_000, escalateAfterMs: 300_000 });
    const given = { SEALWATCH_REMIND_AFTER_S: '30', SEALWATCH_ESCALATE_AFTER_S: '45.5' };
    expect(readConfig(given).calls).toEqual({ remindAfterMs: 30_000, escalateAfterMs: 45_500 });
    expect(() => readConfig({ SEALWATCH_REMIND_AFTER_S: '300' })).toThrow('SEALWATCH_ESCALATE_AFTER_S');
    expect(() => readConfig({ SEALWATCH_REMIND_AFTER_S: 'soon' })).toThrow('expected seconds: 1 to 86400');
  });

  const PROVIDER = {
    SEALWATCH_OIDC_ISSUER: 'https://login.example/realms/customs/',
    SEALWATCH_OIDC_CLIENT_ID: 'sealwatch',
    SEALWATCH_OIDC_CLIENT_SECRET: 'never to be repeated',
    SEALWATCH_OIDC_GROUPS: 'duty=operator@3104;it=admin@*',
    SEALWATCH_PUBLIC_URL: 'https://wall.example/',
  };

  it('name a provider with all that it needs, or none', () => {
    expect(readConfig({}).provider).toBeUndefined();
    expect(readConfig(PROVIDER).provider).toMatchObject({
      issuer: 'https://login.example/realms/customs/',
      publicUrl: 'https://wall.example',
      rules: [
        { group: 'duty', role: 'operator', offices: ['3104'] },
        { group: 'it', role: 'admin', offices: null },
      ],
      groupsClaim: 'groups',
      secondFactor: [],
    });
    for (const name of [
      'SEALWATCH_OIDC_ISSUER',
      'SEALWATCH_OIDC_CLIENT_ID',
      'SEALWATCH_OIDC_GROUPS',
      'SEALWATCH_PUBLIC_URL',
    ]) {
      expect(() => readConfig({ ...PROVIDER, [name]: '' })).toThrow(name);
    }
  });

  it.each([
    ['SEALWATCH_OIDC_ISSUER', 'http://login.example'],
    ['SEALWATCH_OIDC_ISSUER', 'login.example'],
    ['SEALWATCH_PUBLIC_URL', 'https://user:word@wall.example'],
    ['SEALWATCH_OIDC_GROUPS', 'it=admin'],
    ['SEALWATCH_OIDC_GROUPS', 'it=admin@'],
    ['SEALWATCH_OIDC_SCOPE', 'profile'],
  ])('refuse %s=%s, and repeat no secret', (name, value) => {
    expect(() => readConfig({ ...PROVIDER, [name]: value })).toThrow(name);
    expect(() => readConfig({ ...PROVIDER, [name]: value })).not.toThrow('never to be repeated');
  });

  it('ask for a second factor where its owner wants one, or of supervisors and admins', () => {
    expect(readConfig({}).secondFactorRequired).toBe(false);
    expect(readConfig({ SEALWATCH_SECOND_FACTOR: 'required' }).secondFactorRequired).toBe(true);
    expect(() => readConfig({ SEALWATCH_SECOND_FACTOR: 'yes' })).toThrow('expected optional, or required');
  });

  it('believe no proxy unless told which, by number, address or network', () => {
    expect(readConfig({}).trustProxy).toBeUndefined();
    expect(readConfig({ SEALWATCH_TRUST_PROXY: '0' }).trustProxy).toBeUndefined();
    const trusts = (setting: string, address: string, hop = 0) =>
      readConfig({ SEALWATCH_TRUST_PROXY: setting }).trustProxy?.(address, hop);
    expect([trusts('1', '192.0.2.1'), trusts('1', '192.0.2.1', 1), trusts('2', '192.0.2.1', 1)]).toEqual([
      true,
      false,
      true,
    ]);
    expect([trusts('loopback', '::1'), trusts('loopback', '::ffff:127.0.0.1'), trusts('loopback', '10.0.0.1')]).toEqual(
      [...[true, true, false]],
    );
    const list = '10.20.0.5, 10.21.0.0/16,fd00::/8';
    expect(['10.20.0.5', '10.20.0.6', '10.21.7.7', 'fd12::1', 'fe80::1'].map((one) => trusts(list, one))).toEqual([
      ...[true, false, true, true, false],
    ]);
    for (const wrong of ['everybody', '10.0.0.0/33', '10.0.0.1/', '-1', '1.5', '99', '10.0.0.0/8/8', 'loopback,'])
      expect(() => readConfig({ SEALWATCH_TRUST_PROXY: wrong })).toThrow('SEALWATCH_TRUST_PROXY');
  });

  it('want a certificate and its key together', () => {
    expect(() => readConfig({ SEALWATCH_TLS_CERT: 'cert.pem' })).toThrow('SEALWATCH_TLS_KEY');
  });
});
