import type { Slots } from '../../src/ports.ts';

/** The slots of an intake that is alone, without a membership. */
export const ALL_SLOTS: Slots = {
  memberId: 0,
  has: () => true,
  onClaimed: (follow) => follow(Array.from({ length: 256 }, (_, slot) => slot)),
  onReleasing: () => undefined,
  releaseAll: async () => undefined,
};
