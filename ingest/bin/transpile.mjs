// Writes the JavaScript of the rooms that are named, the same as `tsc -b` does, but file by file and without a look at types,
// which take three times as long: `npm run check:types` looks at those.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), ts.sys.readFile);
// every file is an ES module, where `nodenext` would ask the manifest of its folder
const MODULES = { module: 'esnext', moduleResolution: 'bundler' };
const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, ...MODULES }, ROOT);
const FORMAT = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => ROOT, getNewLine: () => '\n' };

/** @throws what the parser says of a file that is no TypeScript */
function transpile(room, name) {
  const source = join(ROOT, room, 'src', name);
  const target = join(ROOT, room, 'dist', name.replace(/\.ts$/, '.js'));
  const { outputText, sourceMapText, diagnostics } = ts.transpileModule(readFileSync(source, 'utf8'), {
    fileName: source,
    compilerOptions: options,
    reportDiagnostics: true,
  });
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, FORMAT));
  const map = { ...JSON.parse(sourceMapText), sources: [relative(dirname(target), source)] };
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.map`, JSON.stringify(map));
  writeFileSync(target, outputText);
}

try {
  for (const room of process.argv.slice(2)) {
    for (const name of readdirSync(join(ROOT, room, 'src'), { recursive: true }))
      if (name.endsWith('.ts') && !name.endsWith('.d.ts')) transpile(room, name);
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
