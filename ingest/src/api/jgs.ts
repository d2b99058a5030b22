import { PassageQuestion } from '@sealwatch/schemas';
import { type JgsAsked, requireRole } from '../jgs/asked.ts';
import { feedbackOf, GATHER_FIELDS, gatherOf, type Units } from '../jgs/gather.ts';
import { operate } from '../jgs/operate.ts';
import { positionInfo, positionQuery } from '../jgs/position-service.ts';
import { refusalOf } from '../jgs/refusal.ts';
import { field, MAX_XML_BYTES, readXml, XmlFault, type XmlMessage } from '../jgs/xml.ts';
import { afterPassage, gateOf } from '../passages/after-passage.ts';
import { pass } from '../passages/answer.ts';
import { decideByHand } from '../passages/manual-decision.ts';
import type { Gate } from '../passages/passed.ts';
import { keepApproval } from '../people/approvals.ts';
import type { Principal } from '../people/principal.ts';
import { DECIDERS, GATEKEEPERS } from '../people/roles.ts';
import { ApprovalNeeded } from '../people/two-people.ts';
import { ApiProblem, notFound, problemOf } from '../problem.ts';
import { passageOfSession } from '../store/passages/passages.ts';
import { getTrip } from '../store/trips/trips.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import type { Api } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { checked } from './plumbing/validation.ts';

const XML_TYPES = ['application/xml', 'text/xml'];

async function unitsOf({ deps, caller }: JgsAsked, tripId: string | undefined): Promise<Units | undefined> {
  const trip = tripId === undefined ? undefined : await getTrip(deps.pool, tripId, caller.offices);
  return (
    trip && {
      containerNos: trip.units.map((unit) => unit.containerNo),
      lockIds: trip.units.map((unit) => unit.lockId),
      mechanicalSealNos: trip.units.flatMap((unit) => unit.mechanicalSealNo ?? []),
    }
  );
}

/** 0x81 → 0x82. */
async function gather(asked: JgsAsked): Promise<string> {
  const { deps, caller, node } = asked;
  const { gateId, sessionId, question } = gatherOf(node, new Date().toISOString());
  const passed = await pass(deps, gateId, checked(PassageQuestion, question), caller);
  afterPassage(deps, passed);
  const answer = passed.row.first_answer ?? passed.row.answer;
  return feedbackOf(sessionId, answer, await unitsOf(asked, answer.tripId));
}

const DECISIONS = new Map<string, 'release' | 'inspect' | 'return'>([
  ['1', 'release'],
  ['2', 'inspect'],
  ['3', 'return'],
]);

/** 0x85: a person's word on the newest reading of a session. */
async function manualCheck(asked: JgsAsked): Promise<string> {
  const { deps, caller, node } = asked;
  requireRole(caller, DECIDERS);
  const sessionId = field(node, 'SESSION_ID') ?? '';
  const decision = DECISIONS.get(field(node, 'CHECK_RESULT') ?? '');
  if (decision === undefined) {
    throw new ApiProblem(422, 'request.invalid', 'CHECK_RESULT: expected 1 release, 2 inspect or 3 return');
  }
  const gate: Gate = await gateOf(deps, field(node, 'AREA_ID') ?? '');
  const passage = await passageOfSession(deps.pool, gate.gateId, sessionId);
  if (passage === undefined) throw notFound('passage', sessionId);
  const comment = field(node, 'COMMENT') ?? '';
  const passed = await decideByHand(deps, gate, passage, caller, { decision, comment }).catch(async (error) => {
    if (!(error instanceof ApprovalNeeded)) throw error;
    const { approvalId } = await keepApproval(deps.pool, error);
    throw new ApiProblem(
      409,
      'approval.pending',
      `待第二人在本人会话中确认 / a second person has to confirm ${approvalId}`,
    );
  });
  afterPassage(deps, passed);
  const { answer } = passed.row;
  return feedbackOf(sessionId, answer, await unitsOf(asked, answer.tripId), decision === 'release' ? 'Y' : 'N');
}

const MESSAGES = new Map<string, (asked: JgsAsked) => Promise<string>>([
  ['GATHER_INFO', gather],
  ['OPERATE_INFO', operate],
  ['MANUAL_CHECK', manualCheck],
  ['POSITION_INFO', positionInfo],
  ['POSITION_QUERY', positionQuery],
]);

/** A gate's question is under a kilobyte and is read at once; larger messages are read beside the event loop. */
const AT_ONCE_BYTES = 8 * 1024;

async function messageOf(deps: ApiDeps, caller: Principal, bytes: Buffer): Promise<XmlMessage> {
  return bytes.length <= AT_ONCE_BYTES ? readXml(bytes) : deps.bodies.parse(caller.id, 'jgs', { bytes });
}

/** What was asked may not be done (200), or could not be understood or answered (its own status). */
function isBusiness(problem: ApiProblem): boolean {
  return [403, 409].includes(problem.statusCode) || ['passage.not-found', 'lock.not-found'].includes(problem.code);
}

const technicalName = (path: string) => path.replace(/^\w+/, (name) => GATHER_FIELDS.get(name) ?? name);

function refusal(root: string, sessionId: string | undefined, error: unknown): { status: number; xml: string } {
  if (error instanceof XmlFault) {
    const errors = [{ code: error.code, text: error.message }];
    return { status: 400, xml: refusalOf({ root, sessionId, kind: 'technical', errors }) };
  }
  const problem = problemOf(error);
  const business = isBusiness(problem);
  const errors = problem.errors?.map(({ path, message }) => ({
    code: problem.code,
    text: business ? message : `${technicalName(path)}: ${message}`,
  })) ?? [{ code: problem.code, text: problem.message }];
  const kind = business ? 'business' : 'technical';
  return { status: business ? 200 : problem.statusCode, xml: refusalOf({ root, sessionId, kind, errors }) };
}

/**
 * JGS/T 14—2015, the interface of China's gates, in XML: 0x81 → 0x82, 0x83 → 0x84, 0x85 → 0x82, and the position
 * service in and out. The element names follow published descriptions of the standard; see docs/jgs-14.md.
 */
export function jgsRoutes(app: Api, deps: ApiDeps): void {
  app.addContentTypeParser(XML_TYPES, { parseAs: 'buffer', bodyLimit: MAX_XML_BYTES }, (_request, body, done) =>
    done(null, body),
  );
  app.post(
    '/jgs/14',
    { config: { roles: GATEKEEPERS }, schema: { tags: ['gates'], summary: 'JGS/T 14—2015 messages, in XML' } },
    async (request, reply) => {
      const { body } = request;
      let root = '';
      let sessionId: string | undefined;
      const answer = async (): Promise<{ status: number; xml: string }> => {
        const message = await messageOf(deps, callerOf(request), Buffer.isBuffer(body) ? body : Buffer.alloc(0));
        root = message.root;
        sessionId = field(message.node, 'SESSION_ID');
        const handle = MESSAGES.get(root);
        if (handle === undefined) {
          throw new XmlFault('message.unknown', `${root}: expected ${[...MESSAGES.keys()].join(', ')}`);
        }
        return {
          status: 200,
          xml: await handle({ deps, caller: callerOf(request), node: message.node }),
        };
      };
      const { status, xml } = await answer().catch((error) => {
        if (!(error instanceof ApiProblem) && !(error instanceof XmlFault)) {
          deps.log.error({ err: error, root }, 'a JGS/T 14 message failed');
        }
        return refusal(root, sessionId, error);
      });
      return reply.code(status).type('application/xml; charset=utf-8').send(xml);
    },
  );
}
