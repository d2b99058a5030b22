import { type ZodType, z } from 'zod';
import { ApiProblem, type FieldError } from '../../problem.ts';

/** `['units', 0, 'containerNo']` → `units[0].containerNo` */
export function pathOf(path: PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  );
}

/** The expected value. Messages of the schemas say it after "expected"; zod's own issues carry it. */
function expectedOf(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return issue.values.map(String).join(' | ');
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    default:
      return (
        /(?:expected|is) (.+)$/.exec(issue.message)?.[1] ?? (issue.code === 'invalid_format' ? issue.format : undefined)
      );
  }
}

/** Values are repeated to the caller, but not at length. */
function shown(value: unknown): unknown {
  const text = JSON.stringify(value);
  return text !== undefined && text.length > 200 ? `${text.slice(0, 200)}…` : value;
}

const SECRET = /password|secret|token/i;

export function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues.slice(0, 100).map((issue) => {
    const path = pathOf(issue.path);
    const expected = expectedOf(issue);
    return {
      path,
      message: issue.message,
      ...(issue.input === undefined || SECRET.test(path) ? {} : { value: shown(issue.input) }),
      ...(expected === undefined ? {} : { expected }),
    };
  });
}

/**
 * Checks a request's part against its schema. One rule for all of them: what cannot be read is 400, what can be read
 * but holds a wrong value is 422.
 * @throws ApiProblem 422 naming each field, its value and what was expected
 */
export function checked<T extends ZodType>(schema: T, data: unknown): z.output<T> {
  const result = z.safeParse(schema, data, { reportInput: true });
  if (result.success) return result.data;
  const errors = fieldErrors(result.error);
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  throw new ApiProblem(422, 'request.invalid', `${first?.path || 'body'}: ${first?.message}${more}`, errors);
}

/** fastify's validator for zod schemas. A call without a body is one with an empty object. */
export function validatorCompiler({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) {
  return (data: unknown) => {
    try {
      const value: unknown = checked(schema as ZodType, httpPart === 'body' ? (data ?? {}) : data);
      return { value };
    } catch (error) {
      return { error: error as Error };
    }
  };
}
