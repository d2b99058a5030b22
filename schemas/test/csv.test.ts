import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CsvFault, readCsv } from '../src/csv.ts';

const cells = (text: string) => readCsv(text).rows.map((row) => row.cells);

function faultLine(text: string): number | undefined {
  try {
    readCsv(text);
  } catch (error) {
    if (error instanceof CsvFault) return error.line;
    throw error;
  }
  return undefined;
}

describe('readCsv', () => {
  it('reads any table back, and knows the line on which each row begins', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '锁', ',', ';', '\t', '"', ' ', '\n') }).map((s) => s.trim());
    const table = fc.array(fc.array(text, { minLength: 2, maxLength: 4 }), { maxLength: 6 });
    const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
    fc.assert(
      fc.property(table, fc.constantFrom(',', ';', '\t'), lineEnd, fc.boolean(), (rows, separator, end, mark) => {
        const written = rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(separator));
        const starts = written.map((_, i) => written.slice(0, i).join('\n').split('\n').length + (i === 0 ? 0 : 1));
        const file = `${mark ? '\uFEFF' : ''}${written.join('\n').replaceAll('\n', end)}`;
        const expected = rows.map((row, i) => ({ line: starts[i], cells: row }));
        expect(readCsv(file).rows).toEqual(expected.filter((row) => row.cells.some((cell) => cell !== '')));
      }),
    );
  });

  it('separates by what the first line uses, and keeps the others inside cells', () => {
    expect(cells('"a,b";c\n1;2,5\n')).toEqual([
      ['a,b', 'c'],
      ['1', '2,5'],
    ]);
    expect(cells('a\tb\n1,2\t3')).toEqual([
      ['a', 'b'],
      ['1,2', '3'],
    ]);
  });

  it('leaves out rows without text and blanks around cells, and keeps rows of other lengths', () => {
    const table = readCsv('a,b\r\n\r\n , \r\n 1 ,2,3\r\n4');
    expect(table.emptyLines).toEqual([2, 3]);
    expect(table.rows).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 4, cells: ['1', '2', '3'] },
      { line: 5, cells: ['4'] },
    ]);
    expect(readCsv('')).toEqual({ rows: [], emptyLines: [] });
  });

  it('names the line on which a row with a wrong quote begins', () => {
    expect(faultLine('a,b\n\n1,"never closed\n2,3\n')).toBe(3);
    expect(faultLine('a,b\n1,in"side\n')).toBe(2);
    expect(faultLine('a,b\n1,"after" it\n')).toBe(2);
    expect(faultLine('a,b\n1,"two\nlines"\n2,"x"y\n')).toBe(4);
  });
});
