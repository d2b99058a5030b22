#!/usr/bin/env node
// Writes what is generated from the schemas; with --check says what differs and changes nothing.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncApi, jsonSchemas } from '../schemas/dist/index.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const files = {
  'schemas/generated/asyncapi.json': asyncApi(version),
  ...Object.fromEntries(
    Object.entries(jsonSchemas()).map(([name, schema]) => [`schemas/generated/${name}.schema.json`, schema]),
  ),
};

const stale = [];
for (const [name, content] of Object.entries(files)) {
  const path = join(ROOT, name);
  const text = `${JSON.stringify(content, null, 2)}\n`;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale.push(name);
  if (process.argv.includes('--check')) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

if (stale.length === 0) console.log(`${Object.keys(files).length} generated files are as the schemas say`);
else if (process.argv.includes('--check')) {
  console.error(`not as the schemas say: ${stale.join(', ')}\nrun: npm run build && node scripts/generate.mjs`);
  process.exitCode = 1;
} else console.log(`written: ${stale.join(', ')}`);
