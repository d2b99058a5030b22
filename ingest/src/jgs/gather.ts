import { createHash } from 'node:crypto';
import type { PassageAnswer } from '@sealwatch/schemas';
import { blocks, field, list, printXml, timeField, type XmlNode } from './xml.ts';

/** 0x81 GATHER_INFO: what the equipment of a lane has read, as a passage question (contract §4). */
export interface Gathered {
  /** AREA_ID: the id of the gate, a place of kind `gate`. */
  gateId: string;
  sessionId: string;
  /** To be checked as a `PassageQuestion`. */
  question: Record<string, unknown>;
}

const DIRECTIONS = new Map([
  ['I', 'in'],
  ['E', 'out'],
]);

/** A recapture (M) or an entry at the back office (B) of the same session is another question than the first (A). */
function passageIdOf(node: XmlNode, sessionId: string): string {
  const mode = field(node, 'GETHER_MODE') ?? 'A';
  if (mode === 'A') return sessionId;
  const digest = createHash('sha256').update(JSON.stringify(node)).digest('hex').slice(0, 12);
  return `${sessionId}/${mode}/${digest}`;
}

/** Confidence of a field: the CONFIDENCE_RATIO of the recognition block that contains it, Y if no block does. */
function recognised(node: XmlNode, name: string): { text: string; confident: boolean }[] {
  const block = blocks(node).find((one) => field(one, 'CONFIDENCE_RATIO') !== undefined && Object.hasOwn(one, name));
  const texts = list(field(node, name) ?? (block === undefined ? undefined : field(block, name)));
  const ratios = block === undefined ? [] : list(field(block, 'CONFIDENCE_RATIO'));
  return texts.flatMap((text, i) =>
    text === '' ? [] : [{ text, confident: (ratios[i] ?? ratios[0] ?? 'Y').toUpperCase() === 'Y' }],
  );
}

/** @param now RFC 3339, used if the message has no GATHER_TIME */
export function gatherOf(node: XmlNode, now: string): Gathered {
  const sessionId = field(node, 'SESSION_ID') ?? '';
  const [plate] = recognised(node, 'VE_LICENSE_NO');
  const weight = field(node, 'GROSS_WT');
  const flag = field(node, 'I_E_FLAG') ?? 'missing';
  const direction = DIRECTIONS.get(flag) ?? flag;
  const lane = field(node, 'CHNL_NO');
  return {
    gateId: field(node, 'AREA_ID') ?? '',
    sessionId,
    question: {
      passageId: sessionId === '' ? '' : passageIdOf(node, sessionId),
      direction,
      at: timeField(node, 'GATHER_TIME') ?? now,
      ...(lane === undefined ? {} : { lane }),
      ...(plate === undefined ? {} : { plate }),
      containers: recognised(node, 'CONTA_ID').map(({ text, confident }) => ({ no: text, confident })),
      lockIds: list(field(node, 'ESEAL_ID')).filter((id) => id !== ''),
      ...(weight === undefined ? {} : { grossWeightKg: Number(weight) }),
    },
  };
}

/** The GATHER_INFO field that each field of the question comes from, for error messages. */
export const GATHER_FIELDS = new Map([
  ['passageId', 'SESSION_ID'],
  ['direction', 'I_E_FLAG'],
  ['at', 'GATHER_TIME'],
  ['lane', 'CHNL_NO'],
  ['plate', 'VE_LICENSE_NO'],
  ['containers', 'CONTA_ID'],
  ['lockIds', 'ESEAL_ID'],
  ['grossWeightKg', 'GROSS_WT'],
]);

export interface Units {
  containerNos: string[];
  lockIds: string[];
  mechanicalSealNos: string[];
}

const joined = (parts: string[]) => (parts.length === 0 ? undefined : parts.join('|'));

/**
 * 0x82 GATHER_FEEDBACK with the business errors, i.e. why the truck does not pass. A technical error, i.e. why the
 * platform could not decide, is never in the same message.
 * @param result Y, N or M; a manual decision may differ from the verdict
 */
export function feedbackOf(
  sessionId: string,
  answer: PassageAnswer,
  units: Units | undefined,
  result: 'Y' | 'N' | 'M' = answer.code,
): string {
  const codes = [...new Set(answer.reasons.flatMap(({ laneCode }) => (laneCode === undefined ? [] : [laneCode])))];
  return printXml('GATHER_FEEDBACK', {
    MESSAGE_TYPE: '0x82',
    SESSION_ID: sessionId,
    CHECK_RESULT: result,
    LANE_CODE: joined(codes),
    BUSINESS_ERROR: answer.reasons.map(({ rule, text, laneCode }) => ({ CODE: rule, TEXT: text, LANE_CODE: laneCode })),
    OP_HINT: answer.reasons.map(({ text }) => text).join('；') || answer.display,
    LED_HINT: answer.display,
    CONTA_ID: joined(units?.containerNos ?? []),
    SEAL_ID: joined(units?.mechanicalSealNos ?? []),
    ESEAL_ID: joined(units?.lockIds ?? []),
    ESEAL: answer.unlock === undefined ? undefined : 'U',
  });
}
