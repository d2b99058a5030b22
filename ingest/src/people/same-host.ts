/** Whether a browser's `Origin` header names the host that it asks: then one of our own pages asks. */
export function sameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
