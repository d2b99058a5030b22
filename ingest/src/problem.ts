import type { Check, Problem } from '@sealwatch/schemas';

export type FieldError = NonNullable<Problem['errors']>[number];

const TITLES: Record<number, string> = {
  400: 'The request cannot be read',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'No such method here',
  409: 'In conflict with the present state',
  410: 'No longer there',
  413: 'Too large',
  415: 'This media type is not taken here',
  422: 'The request holds values that cannot be used',
  429: 'Too many requests',
  500: 'The platform failed',
  503: 'Not ready',
};

/** An answer other than the one hoped for; becomes RFC 9457 problem details. `code` is stable, `detail` for people. */
export class ApiProblem extends Error {
  override name = 'ApiProblem';
  readonly statusCode: number;
  readonly code: string;
  readonly errors: FieldError[] | undefined;
  /** Of a step that is refused: the checks that failed. */
  readonly checks: Check[] | undefined;

  constructor(statusCode: number, code: string, detail: string, errors?: FieldError[], checks?: Check[]) {
    super(detail);
    this.statusCode = statusCode;
    this.code = code;
    this.errors = errors;
    this.checks = checks;
  }

  toProblem(instance: string): Problem {
    return {
      type: `urn:sealwatch:problem:${this.code}`,
      title: TITLES[this.statusCode] ?? 'Error',
      status: this.statusCode,
      code: this.code,
      detail: this.message,
      instance,
      ...(this.errors === undefined ? {} : { errors: this.errors }),
      ...(this.checks === undefined ? {} : { checks: this.checks }),
    };
  }
}

/** 429, with how long to wait. */
export class TooManyAttempts extends ApiProblem {
  /** Whole seconds, at least 1. */
  readonly retryAfterS: number;

  constructor(code: string, detail: string, waitMs: number) {
    const retryAfterS = Math.max(1, Math.ceil(waitMs / 1_000));
    super(429, code, `${detail}; try again in ${retryAfterS} s`);
    this.retryAfterS = retryAfterS;
  }
}

export const notFound = (what: string, id: string): ApiProblem =>
  new ApiProblem(404, `${what}.not-found`, `there is no ${what} "${id}" that you may see`);

/** One field whose value cannot be used (422). */
export function wrongField(code: string, field: FieldError): ApiProblem {
  return new ApiProblem(422, code, `${field.path}: ${field.message}`, [field]);
}

/** @throws ApiProblem that lists all the faults, and has the first in words, where there are any */
export function requireNone(code: string, faults: FieldError[], statusCode = 422): void {
  const [first] = faults;
  if (first) throw new ApiProblem(statusCode, code, `${first.path}: ${first.message}`, faults);
}

/** Codes of errors that fastify and its plugins raise. */
const KNOWN: Record<string, [status: number, code: string, detail: string]> = {
  FST_ERR_CTP_INVALID_JSON_BODY: [400, 'body.malformed', 'the body is not JSON'],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, 'body.empty', 'the body is empty, JSON was expected'],
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'body.too-large', 'the body is larger than this call takes'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'media-type.unsupported', 'send the body as application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'body.malformed', 'the body is not as long as Content-Length says'],
  FST_ERR_BAD_URL: [400, 'url.malformed', 'the address cannot be read'],
};

/** SQLSTATE classes that mean "the database is not there now". */
const UNREACHABLE = /^(08|53|57P)|^(ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EPIPE)$/;

/** SQLSTATEs of a value that the database cannot keep: too large, no time, no such text. */
const UNKEEPABLE = /^22(003|007|008|021|P02|P03|P05)$/;

interface RaisedError {
  code?: string;
  statusCode?: number;
  message?: string;
}

/** Every error as a problem; what the caller has no part in says nothing of the inside. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const { code = '', statusCode = 500, message = '' } = (error ?? {}) as RaisedError;
  const known = Object.hasOwn(KNOWN, code) ? KNOWN[code] : undefined;
  if (known !== undefined) return new ApiProblem(...known);
  if (error instanceof SyntaxError && statusCode === 400) return new ApiProblem(400, 'body.malformed', message);
  if (UNREACHABLE.test(code) || /timeout exceeded when trying to connect|Connection terminated/.test(message)) {
    return new ApiProblem(503, 'database.unavailable', 'the database does not answer; try again shortly');
  }
  // The schemas refuse it before; where one does not, the value is the caller's all the same.
  if (UNKEEPABLE.test(code)) return new ApiProblem(422, 'request.invalid', 'a value is none that can be kept');
  if (statusCode === 429) return new ApiProblem(429, 'rate.limited', message);
  if (statusCode >= 400 && statusCode < 500) return new ApiProblem(statusCode, 'request.invalid', message);
  return new ApiProblem(500, 'internal', 'the platform could not do this; the log says more');
}
