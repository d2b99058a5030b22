const BROWSERS: [RegExp, string][] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bMicroMessenger\//, 'WeChat'],
  [/\b(?:Headless)?Chrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(?:iPhone|iPad)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

const first = (rules: [RegExp, string][], agent: string) => rules.find(([form]) => form.test(agent))?.[1];

/** The browser and system of a User-Agent in a word or two, e.g. `Firefox, Windows`; other programs by their own first word. */
export function browserName(agent: string): string {
  const known = [first(BROWSERS, agent), first(SYSTEMS, agent)].filter((word) => word !== undefined);
  return known.length > 0 ? known.join(', ') : (agent.split(/[\s/]/)[0] ?? '');
}
