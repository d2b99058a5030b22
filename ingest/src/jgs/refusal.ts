import { printXml } from './xml.ts';

/** The feedback that a message gets: its element, its type, and the result that means "not done". */
const FEEDBACK = new Map<string, { name: string; type: string; result: Record<string, string> }>([
  ['OPERATE_INFO', { name: 'OPERATE_FEEDBACK', type: '0x84', result: { RESULT: '2' } }],
  ['POSITION_INFO', { name: 'POSITION_RESULT', type: '5', result: { RESULT: '2' } }],
  ['POSITION_QUERY', { name: 'POSITION_RESULT', type: '5', result: { RESULT: '2' } }],
]);
/** After a technical error the gate keeps its barrier down and calls a person: CHECK_RESULT M. */
const GATHER = { name: 'GATHER_FEEDBACK', type: '0x82', result: { CHECK_RESULT: 'M' } };

export interface JgsRefusal {
  /** The message refused, by its root element. */
  root: string;
  sessionId: string | undefined;
  /** Business: what was asked may not be done. Technical: the message cannot be used, or the platform cannot answer. */
  kind: 'business' | 'technical';
  errors: { code: string; text: string }[];
}

/** A refusal in the feedback element of the message; it has business errors or a technical error, never both. */
export function refusalOf({ root, sessionId, kind, errors }: JgsRefusal): string {
  const { name, type, result } = FEEDBACK.get(root) ?? GATHER;
  const listed = errors.map(({ code, text }) => ({ CODE: code, TEXT: text }));
  return printXml(name, {
    MESSAGE_TYPE: type,
    SESSION_ID: sessionId,
    ...result,
    [kind === 'business' ? 'BUSINESS_ERROR' : 'TECHNICAL_ERROR']: listed,
    OP_HINT: kind === 'business' ? listed.map((one) => one.TEXT).join('；') : '系统或报文错误，请人工处理',
  });
}
