export interface NetworkSpaces {
  addresses: string[];
  enter(space: number): string[];
  /** Nothing goes between this one and the other ones any more; this process reaches all still. No connection is closed. */
  cut(space: number): void;
  heal(space: number): void;
  remove(): void;
}

export function isInOwnNetwork(): boolean;
export function makeNetworkSpaces(count: number): NetworkSpaces;
