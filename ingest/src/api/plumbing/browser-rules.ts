/**
 * Headers that limit what the platform's pages may load. MapLibre draws in a worker made from a blob, and its map comes from
 * here: nothing is loaded from anywhere else, but for the tiles of the operator's own basemap.
 * @param tileOrigins e.g. `https://t0.tianditu.gov.cn`
 */
export function browserRules(tileOrigins: string[]) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        workerSrc: ["'self'", 'blob:'],
        childSrc: ["'self'", 'blob:'],
        imgSrc: ["'self'", 'data:', 'blob:', ...tileOrigins],
        styleSrc: ["'self'"],
        connectSrc: ["'self'", ...tileOrigins],
        fontSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // Providers of tiles ask which site draws them; they learn its origin and never an address within it.
    ...(tileOrigins.length === 0 ? {} : { referrerPolicy: { policy: 'strict-origin' as const } }),
  };
}
