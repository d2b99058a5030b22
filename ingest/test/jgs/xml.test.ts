import { describe, expect, test } from 'vitest';
import { gatherOf } from '../../src/jgs/gather.ts';
import { intervalOf } from '../../src/jgs/position.ts';
import { field, MAX_XML_BYTES, readXml } from '../../src/jgs/xml.ts';

const read = (text: string | Buffer) => readXml(Buffer.from(text));

describe('a message is read within bounds', () => {
  test.each([
    ['nothing', '', 'xml.malformed'],
    ['no XML', 'plate=1', 'xml.malformed'],
    ['an element left open', '<A><B></A>', 'xml.malformed'],
    ['a document type', '<!DOCTYPE a [<!ENTITY x "y">]><A>&x;</A>', 'xml.doctype'],
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><A>&x;</A>', 'xml.doctype'],
    ['too many levels', `${'<A>'.repeat(20)}x${'</A>'.repeat(20)}`, 'xml.malformed'],
    ['too many bytes', `<A>${'x'.repeat(MAX_XML_BYTES)}</A>`, 'xml.too-large'],
    ['another encoding, as declared', '<?xml version="1.0" encoding="GBK"?><A>x</A>', 'xml.encoding'],
    ['another encoding, as sent', Buffer.from([0x3c, 0x41, 0x3e, 0xd5, 0xe3, 0x3c, 0x2f, 0x41, 0x3e]), 'xml.encoding'],
    ['a name that JavaScript reserves', '<A><__proto__>x</__proto__></A>', 'xml.malformed'],
  ])('%s is refused', (_what, text, code) => {
    expect(() => read(text)).toThrowError(expect.objectContaining({ code }));
  });

  test('the entities of XML itself are read, prefixes fall away, numbers stay text', () => {
    const { root, node } = read('<?xml version="1.0" encoding="utf-8"?><x:A k="1"><x:B>a&amp;b</x:B><C>007</C></x:A>');
    expect([root, field(node, 'k'), field(node, 'B'), field(node, 'C'), field(node, 'D')]).toEqual([
      'A',
      '1',
      'a&b',
      '007',
      undefined,
    ]);
  });
});

describe('what a lane has gathered', () => {
  const gathered = (inner: string) => gatherOf(read(`<GATHER_INFO>${inner}</GATHER_INFO>`).node, 'now').question;

  test('two boxes are joined by "|", each with its own confidence', () => {
    expect(
      gathered('<R><CONTA_ID>CSQU3054383|MSKU9070323</CONTA_ID><CONFIDENCE_RATIO>Y|N</CONFIDENCE_RATIO></R>')
        .containers,
    ).toEqual([
      { no: 'CSQU3054383', confident: true },
      { no: 'MSKU9070323', confident: false },
    ]);
    expect(gathered('<CONTA_ID>CSQU3054383|</CONTA_ID>').containers).toEqual([{ no: 'CSQU3054383', confident: true }]);
  });

  test('what was not read is missing, and a time without a zone is China’s', () => {
    expect(gathered('<I_E_FLAG>E</I_E_FLAG><VE_LICENSE_NO/><GATHER_TIME>2026-11-21 17:10:11</GATHER_TIME>')).toEqual({
      passageId: '',
      direction: 'out',
      at: '2026-11-21T17:10:11+08:00',
      containers: [],
      lockIds: [],
    });
  });

  test('a recapture of a session is another question, the same recapture the same', () => {
    const id = (mode: string, plate: string) =>
      gathered(`<SESSION_ID>s1</SESSION_ID><GETHER_MODE>${mode}</GETHER_MODE><VE_LICENSE_NO>${plate}</VE_LICENSE_NO>`)
        .passageId;
    expect(id('A', 'x')).toBe('s1');
    expect(id('M', 'x')).toMatch(/^s1\/M\/[0-9a-f]{12}$/);
    expect(id('M', 'x')).toBe(id('M', 'x'));
    expect(id('M', 'y')).not.toBe(id('M', 'x'));
  });
});

test.each([
  ['X0030', 30],
  ['0000', 45],
  ['X0000', 45],
  ['X9999', 9_999],
  ['30', undefined],
  [undefined, undefined],
])('the command %s sets an interval of %s s', (command, intervalS) => {
  expect(intervalOf(command, 45)).toBe(intervalS);
});
