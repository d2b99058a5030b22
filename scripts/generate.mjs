#!/usr/bin/env node
// Writes the files generated from the schemas and the rules; with --check it only names those that differ.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GATE_REASONS } from '../ingest/dist/custody/reasons.js';
import { PARAMETERS } from '../ingest/dist/params/resolve.js';
import { RULES } from '../ingest/dist/tracker/index.js';
import { asyncApi, jsonSchemas } from '../schemas/dist/index.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const json = (content) => `${JSON.stringify(content, null, 2)}\n`;

/** The names of all rules and of the gate's reasons. */
const names = new Map([
  ...Object.entries(GATE_REASONS).map(([rule, { text }]) => [rule, text]),
  ...RULES.map(({ rule, text }) => [rule, text]),
]);
const nameless = [...names].filter(
  ([, text]) => !/\p{Script=Han}/u.test(text?.zh ?? '') || !/[a-z]/i.test(text?.en ?? ''),
);
if (nameless.length > 0) {
  console.error(`without a name in both languages: ${nameless.map(([rule]) => rule).join(', ')}`);
  process.exit(1);
}

const files = {
  'schemas/generated/asyncapi.json': json(asyncApi(version)),
  ...Object.fromEntries(
    Object.entries(jsonSchemas()).map(([name, schema]) => [`schemas/generated/${name}.schema.json`, json(schema)]),
  ),
  'docs/rules.md': withTables(readFileSync(join(ROOT, 'docs/rules.md'), 'utf8'), {
    rules: table(
      ['rule', 'kind', 'severity', 'EAEU code', 'zh-CN', 'en'],
      RULES.map(({ rule, kind, severity, eaeuCode, text }) => [rule, kind, severity, eaeuCode, text.zh, text.en]),
    ),
    parameters: table(
      ['rule', 'parameter', 'default', 'least', 'most'],
      PARAMETERS.flatMap(({ rule, params }) =>
        Object.entries(params.toJSONSchema().properties ?? {}).map(([name, value]) => [
          rule,
          name,
          value.default,
          value.minimum ?? (value.exclusiveMinimum === undefined ? undefined : `more than ${value.exclusiveMinimum}`),
          value.maximum,
        ]),
      ),
    ),
    gate: table(
      ['reason', 'zh-CN', 'en'],
      Object.entries(GATE_REASONS).map(([rule, { sentence }]) => [rule, sentence('…').zh, sentence('…').en]),
    ),
  }),
  'monitor-ui/src/i18n/generated/rules.zh-CN.ts': texts('zh'),
  'monitor-ui/src/i18n/generated/rules.en.ts': texts('en'),
};

/** The names of the rules as the screens want them: by the two parts of a rule's id. */
function texts(language) {
  const groups = {};
  for (const [rule, text] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [group, name] = rule.split('.');
    groups[group] = { ...groups[group], [name]: text[language] };
  }
  const notice = '// Generated from the rules by scripts/generate.mjs; do not edit.\n';
  return `${notice}export default ${JSON.stringify(groups, null, 2)};\n`;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** The text with every table between its marks. */
function withTables(text, tables) {
  return text.replace(/(<!-- generated: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin, name, end) => {
    return `${begin}${tables[name]}\n${end}`;
  });
}

const stale = [];
for (const [name, content] of Object.entries(files)) {
  const path = join(ROOT, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === content) continue;
  stale.push(name);
  if (process.argv.includes('--check')) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

if (stale.length === 0) console.log(`${Object.keys(files).length} generated files are up to date`);
else if (process.argv.includes('--check')) {
  console.error(`generated files out of date: ${stale.join(', ')}\nrun: npm run build && node scripts/generate.mjs`);
  process.exitCode = 1;
} else console.log(`written: ${stale.join(', ')}`);
