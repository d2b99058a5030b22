import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeFrames } from '../src/operate-bridge.ts';

const P45 = '(8000620011,P45,170720,020614,22.56035,N,114.01640,E,A,36,270,1,1,0008627839,0,0,24,5)';
const HEARTBEAT = '7E00020000012345678900000A817E';

/** What the command prints, and its exit code; nothing of it is left behind. */
function said(given: string, options: { profile?: string; json?: boolean } = {}): { text: string; code: unknown } {
  let text = '';
  const { exitCode } = process;
  process.exitCode = undefined;
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  try {
    decodeFrames(given, options);
    return { text, code: process.exitCode };
  } finally {
    write.mockRestore();
    process.exitCode = exitCode;
  }
}

describe('sealwatch bridge decode', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('prints in English or Chinese what a frame holds and the report that comes of it', () => {
    vi.stubEnv('LC_ALL', 'en_GB.UTF-8');
    expect(said(P45)).toMatchObject({ code: undefined, text: expect.stringContaining('reports that come of it') });
    vi.stubEnv('LC_ALL', 'zh_CN.UTF-8');
    expect(said(P45).text).toContain('由此产生的报文');
  });

  it('reads hexadecimal digits, files of frames and raw bytes, and gives JSON', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sealwatch-bridge-'));
    try {
      const [lines, raw] = [join(folder, 'lines.txt'), join(folder, 'raw.bin')];
      await writeFile(lines, `# two frames\n${HEARTBEAT.replace(/../g, '$& ')}\n${P45}\n`);
      await writeFile(raw, Buffer.concat([Buffer.from([0, 255]), Buffer.from(HEARTBEAT, 'hex'), Buffer.from(P45)]));
      for (const path of [lines, raw]) {
        const { frames, droppedBytes } = JSON.parse(said(path, { json: true }).text);
        expect(frames).toMatchObject([
          { profile: 'jt808', header: { name: 'heartbeat', serial: 10 }, reports: [] },
          { profile: 'jointech-701d', reports: [{ lockId: '8000620011', report: { events: [{ type: 'unlock' }] } }] },
        ]);
        expect(droppedBytes).toBe(path === raw ? 2 : 0);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('ends with 1 where a frame is wrong or there is none, and says what is', () => {
    const wrong = said(HEARTBEAT.replace('81', '82'), { json: true });
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.text).frames[0].faults).toEqual([{ field: 'checksum', value: '82', expected: '81' }]);
    expect(said('0102').code).toBe(1);
  });

  it('shows no password', () => {
    expect(said('(8000620011,P52,2,113271)', { json: true }).text).not.toContain('113271');
  });

  it('refuses what it cannot read and profiles that do not exist, and says what to give', () => {
    expect(() => said('zzz')).toThrow(/neither hexadecimal digits nor a file/);
    expect(() => said(HEARTBEAT, { profile: 'nope' })).toThrow(/no profile "nope"/);
  });
});
