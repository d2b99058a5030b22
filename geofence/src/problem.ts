/** What is wrong with a route, where in the document and, if it has a place, where on earth. */
export interface RouteProblem {
  /** Path in the GeoJSON Feature, e.g. `geometry.coordinates.17`. */
  path: string;
  message: string;
  at?: [lon: number, lat: number];
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
