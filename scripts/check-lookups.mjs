#!/usr/bin/env node
// Finds lookups of arbitrary words on plain objects: `table[word]` and `word in table` also find what every object inherits,
// such as `constructor`. Use a Map, Object.hasOwn, or a key whose type is a union of the table's own words.
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const ROOMS = ['schemas', 'bridge', 'ingest', 'simulator'];

/** Where the words are the platform's own. */
const OWN_WORDS = [
  // ids of rules, and of locks, which are capitals and digits
  'ingest/src/tracker/',
  // members of the report's schema
  'ingest/src/record/',
];

/** Whether a value of this type may be any text. */
const isAnyText = (type) =>
  type.isUnion()
    ? type.types.some(isAnyText)
    : (type.flags & (ts.TypeFlags.String | ts.TypeFlags.Any | ts.TypeFlags.TemplateLiteral)) !== 0;

function programOf(room) {
  const path = join(ROOT, room, 'tsconfig.json');
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(path));
  return ts.createProgram(fileNames, { ...options, noEmit: true, composite: false, incremental: false });
}

/** `Object.hasOwn(table, word)` around or before the lookup, in the same statement. */
function isGuarded(node, table) {
  for (let one = node; one !== undefined && !ts.isFunctionLike(one); one = one.parent) {
    if (ts.isStatement(one) || ts.isConditionalExpression(one) || ts.isBinaryExpression(one)) {
      if (one.getText().includes(`Object.hasOwn(${table.getText()},`)) return true;
    }
    if (ts.isBlock(one)) return false;
  }
  return false;
}

function* lookups(file, checker) {
  const stack = [file];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    ts.forEachChild(node, (child) => void stack.push(child));
    const isAccess = ts.isElementAccessExpression(node);
    const isIn = ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.InKeyword;
    if (!isAccess && !isIn) continue;
    const [table, word] = isAccess ? [node.expression, node.argumentExpression] : [node.right, node.left];
    if (!isAnyText(checker.getTypeAtLocation(word))) continue;
    if (!isGuarded(node, table)) yield node;
  }
}

const found = ROOMS.flatMap((room) => {
  const program = programOf(room);
  const checker = program.getTypeChecker();
  const files = program.getSourceFiles().filter(({ fileName }) => {
    const path = relative(ROOT, fileName);
    return path.startsWith(`${room}/src/`) && !OWN_WORDS.some((start) => path.startsWith(start));
  });
  return files.flatMap((file) =>
    [...lookups(file, checker)].map((node) => {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart());
      return `${relative(ROOT, file.fileName)}:${line + 1}: ${node.getText().slice(0, 80)}`;
    }),
  );
});

if (found.length > 0) {
  console.error(
    `words looked up on plain objects:\n${found.join('\n')}\nuse a Map, Object.hasOwn or a key of the table's own words`,
  );
  process.exitCode = 1;
} else console.log('no word is looked up on a plain object');
