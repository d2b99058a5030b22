import type { FontFacesSpecification } from 'maplibre-gl';

/**
 * The page's own font files as the map's font faces, read from the page's style sheets: no glyph server, and no
 * second table of files and Unicode ranges.
 */
export function fontFaces(family: string): FontFacesSpecification {
  const faces: { url: string; 'unicode-range': string[] }[] = [];
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (!(rule instanceof CSSFontFaceRule)) continue;
      if (unquote(rule.style.getPropertyValue('font-family')) !== family) continue;
      const url = /url\(["']?([^"')]+)/.exec(rule.style.getPropertyValue('src'))?.[1];
      if (url === undefined) continue;
      const ranges = rule.style
        .getPropertyValue('unicode-range')
        .split(',')
        .map((range) => range.trim());
      faces.push({ url: new URL(url, sheet.href ?? location.href).href, 'unicode-range': ranges });
    }
  }
  return { [family]: faces };
}

const unquote = (text: string) => text.trim().replace(/^["']|["']$/g, '');
