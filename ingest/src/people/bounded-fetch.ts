/** Of a provider's answers: its keys and tokens are some kilobytes. */
const BODY_BYTES = 1024 * 1024;

/** Reads a body up to a limit. @throws Error beyond it */
async function bounded(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += (part as Uint8Array).byteLength;
    if (size > BODY_BYTES) throw new Error(`the answer is larger than ${BODY_BYTES} bytes`);
    parts.push(part as Uint8Array);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * `fetch` whose whole answer comes within a time and a size; redirects are not followed.
 * @throws Error where it does not
 */
export async function boundedFetch(url: string, init: RequestInit, limitMs: number): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error(`no answer within ${limitMs} ms`)), limitMs);
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal: abort.signal });
    const body = await bounded(response);
    const { status, statusText, headers } = response;
    return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}
