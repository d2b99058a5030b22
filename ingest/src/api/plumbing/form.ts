import { Problem } from '@sealwatch/schemas';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { ZodType } from 'zod';

/** fastify with requests and answers typed by their zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** The answers of a call, errors included. */
export const answers = <T extends Record<number, ZodType>>(
  good: T,
): T & { '4xx': typeof Problem; '5xx': typeof Problem } => ({
  ...good,
  '4xx': Problem,
  '5xx': Problem,
});
