import { isUtf8 } from 'node:buffer';
import { Reply } from '@sealwatch/schemas';

/** A lock's reply, or why its payload is none: for the quarantine. */
export function readReply(payload: Buffer): Reply | { reason: string; detail: string } {
  let value: unknown;
  try {
    if (!isUtf8(payload)) throw new SyntaxError('not UTF-8');
    value = JSON.parse(payload.toString('utf8'));
  } catch (error) {
    return { reason: 'not-json', detail: `payload: ${error instanceof Error ? error.message : ''}; expected a reply` };
  }
  const parsed = Reply.safeParse(value);
  if (!parsed.success) {
    const detail = parsed.error.issues
      .map((issue) => `${issue.path.join('.') || 'reply'}: ${issue.message}`)
      .join('; ');
    return { reason: 'invalid', detail };
  }
  if (/[\0\p{Surrogate}]/u.test(parsed.data.reason ?? '')) {
    return { reason: 'invalid', detail: 'reason: expected text without U+0000 or half characters' };
  }
  return parsed.data;
}
