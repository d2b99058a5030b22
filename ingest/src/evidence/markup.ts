/** Text that is markup already. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const ESCAPES = new Map(Object.entries({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }));

const escaped = (value: string) => value.replace(/[&<>"']/g, (char) => ESCAPES.get(char)!);

type Part = Markup | string | number | undefined | readonly Part[];

function plain(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Markup) return part.text;
  return typeof part === 'object' ? part.map(plain).join('') : escaped(String(part));
}

/** HTML or SVG; interpolated values are escaped unless they are Markup. Attributes must be quoted. */
export function markup(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  return new Markup(strings.reduce((text, piece, i) => text + plain(parts[i - 1]) + piece));
}
