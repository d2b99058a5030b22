// How long a gate waits for its answer while the fleet reports, in one run: `npm run bench:gate`.
// 1. passages alone, 2. passages beside the reports: open loop, every truck is another one and is written off.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { LOCKS } from '../ingest/fleet.mjs';
import { Lock } from '../ingest/lock.mjs';
import { GATE_ID, passageOf } from './trucks.mjs';

const SECONDS = Number(process.env.SECONDS ?? 10);
const PASSAGES_PER_S = Number(process.env.PASSAGES ?? 200);
const REPORTS_PER_S = Number(process.env.REPORTS ?? 5_000);
const WARM_UP = 200;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (sorted, p) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0).toFixed(1);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function ask({ http, key }, i) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const call = request(
      `${http}/api/v1/gates/${GATE_ID}/passages`,
      { agent, method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`${response.statusCode} ${text}`));
          else resolve({ tookMs: performance.now() - began, answer: JSON.parse(text) });
        });
      },
    );
    call.on('error', reject);
    call.end(passageOf(i));
  });
}

let next = 0;
async function cpuMs() {
  child.send('cpu');
  return (await once(child, 'message'))[0].cpuMs;
}

async function passages(platform, perSecond, seconds) {
  const before = await cpuMs();
  const asked = [];
  const began = performance.now();
  for (let sent = 0; sent < perSecond * seconds; ) {
    const due = Math.min(perSecond * seconds, ((performance.now() - began) / 1_000) * perSecond);
    for (; sent < due; sent++) asked.push(ask(platform, next++));
    await sleep(2);
  }
  const all = await Promise.all(asked);
  const tookS = (performance.now() - began) / 1_000;
  const times = Float64Array.from(all.map(({ tookMs }) => tookMs)).sort();
  const inside = Float64Array.from(all.map(({ answer }) => answer.decidedInMs)).sort();
  const perPassage = ((await cpuMs()) - before) / all.length;
  const released = all.filter(({ answer }) => answer.verdict === 'release' && answer.writtenOff).length;
  if (released !== all.length) {
    console.error(JSON.stringify(all.find(({ answer }) => !answer.writtenOff)?.answer));
    process.exitCode = 1;
  }
  return `${(all.length / tookS).toFixed(0)}/s, p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms, max ${percentile(times, 1)} ms (decidedInMs p50 ${percentile(inside, 0.5)}), ${perPassage.toFixed(1)} ms of the platform's CPU each, ${released} of ${all.length} written off`;
}

async function reportAt(locks, perSecond, until) {
  const began = performance.now();
  for (let sent = 0; !until.over; ) {
    const due = Math.floor(((performance.now() - began) / 1_000) * perSecond);
    for (; sent < due; sent++) {
      const lock = locks[sent % locks.length];
      if (lock.waiting < 64) lock.publish(1);
    }
    await sleep(5);
  }
  const acknowledged = locks.reduce((sum, lock) => sum + lock.acknowledged, 0);
  return Math.round(acknowledged / ((performance.now() - began) / 1_000));
}

const trucks = WARM_UP + 2 * PASSAGES_PER_S * SECONDS;
const execArgv = ['--max-semi-space-size=64'];
if (process.env.PROFILE) execArgv.push('--cpu-prof', `--cpu-prof-dir=${process.env.PROFILE}`);
const child = fork(new URL('./platform.mjs', import.meta.url), [String(trucks)], { execArgv });
const gone = once(child, 'exit');
try {
  const [platform] = await Promise.race([once(child, 'message'), gone.then(([code]) => Promise.reject(code))]);
  await passages(platform, 50, WARM_UP / 50);
  console.log(`alone: ${await passages(platform, PASSAGES_PER_S, SECONDS)}`);
  const locks = Array.from({ length: LOCKS }, (_, i) => new Lock(i));
  await Promise.all(locks.map((lock) => lock.connect(Number(new URL(platform.mqtt).port))));
  const until = { over: false };
  const reporting = reportAt(locks, REPORTS_PER_S, until);
  await sleep(2_000);
  const beside = await passages(platform, PASSAGES_PER_S, SECONDS);
  until.over = true;
  console.log(`beside ${await reporting} reports/s acknowledged (${REPORTS_PER_S}/s offered): ${beside}`);
  for (const lock of locks) lock.socket.destroy();
  child.send('figures');
  const [{ figures }] = await once(child, 'message');
  console.log(JSON.stringify(figures));
} finally {
  agent.destroy();
  if (child.connected) child.send('stop');
  await gone;
}
