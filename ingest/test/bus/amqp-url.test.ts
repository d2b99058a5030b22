import { describe, expect, it } from 'vitest';
import { readAmqpUrls } from '../../src/bus/amqp-url.ts';

describe('the address of RabbitMQ', () => {
  it('names one node, with the default port and virtual host', () => {
    expect(readAmqpUrls('amqp://sealwatch:p%40ss@rabbit')).toEqual({
      hosts: ['rabbit:5672'],
      tls: false,
      username: 'sealwatch',
      password: 'p@ss',
      vhost: '/',
    });
  });

  it('names the nodes of a cluster over TLS', () => {
    expect(readAmqpUrls('amqps://u:p@a/seal%2Fwatch, amqps://u:p@10.0.0.2:5999/seal%2Fwatch')).toMatchObject({
      hosts: ['a:5671', '10.0.0.2:5999'],
      tls: true,
      vhost: 'seal/watch',
    });
  });

  it.each([
    ['', 'amqp://'],
    ['rabbit:5672', 'amqp://'],
    ['http://u:hidden@rabbit', 'amqp://'],
    ['amqp://rabbit', 'a user and a password'],
    ['amqp://u:hidden@[::1]', 'IPv6'],
    ['amqp://u:hidden@rabbit?heartbeat=0', 'nothing after'],
    ['amqps://u:hidden@rabbit?verify=verify_none', 'nothing after'],
    ['amqps://u:hidden@rabbit?cacertfile=/nowhere/ca.pem', '/nowhere/ca.pem (ENOENT)'],
    ['amqps://u:hidden@rabbit?cacertfile=package.json', 'PEM in package.json'],
    ['amqp://u:hidden@rabbit?cacertfile=package.json', 'amqps://'],
    ['amqp://u:hid%den@rabbit', 'percent signs'],
    ['amqp://u:hidden@a,amqp://u:hidden@b/other', 'one cluster'],
    ['amqp://u:hidden@a,', 'amqp://'],
  ])('is refused as %s, with what is expected and without the password', (text, expected) => {
    const wrong = readAmqpUrls(text);
    expect(wrong).toEqual(expect.stringContaining(expected));
    expect(wrong).not.toContain('hid');
  });
});
