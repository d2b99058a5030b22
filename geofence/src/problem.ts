/** What is wrong with a route, where in the document and, if it has a place, where on earth. */
export interface RouteProblem {
  /** Path in the GeoJSON Feature, e.g. `geometry.coordinates.17`. */
  path: string;
  message: string;
  at?: [lon: number, lat: number];
  /** Of a warning about the line's shape. */
  shape?: LineShape;
  /** Which finding it is, for screens that say it in the reader's language with `values` filled in. */
  code?: string;
  values?: Record<string, string | number>;
}

export interface LineShape {
  /**
   * `crossing`: two parts of the route meet; `spike`: a short way there and back; `runs-back`: 1 km or more of it;
   * `scribble`: 500 m of road or more within 40 m of one spot.
   */
  kind: 'crossing' | 'spike' | 'runs-back' | 'scribble';
  /** Metres along the route: of a crossing its first pass, of a scribble its beginning, otherwise the turn. */
  alongM: number;
  /** Metres of road: until the route crosses itself, on the way back, in the scribble. */
  lengthM: number;
}

/** A route that cannot be compiled. `problems` is never empty. */
export class RouteError extends Error {
  readonly problems: RouteProblem[];

  constructor(problems: RouteProblem[]) {
    const told = problems.slice(0, 3).map((problem) => `${problem.path}: ${problem.message}`);
    if (problems.length > told.length) told.push(`and ${problems.length - told.length} more`);
    super(told.join('; '));
    this.name = 'RouteError';
    this.problems = problems;
  }
}
