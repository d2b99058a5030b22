import { z } from 'zod';
import { LastFrame, StrangerSeen } from '../bridge.ts';
import { Time } from '../time.ts';

/** What the platform has heard of bridges, and devices that were turned away. */
export const BridgeView = z.object({
  profiles: z.array(z.string()),
  bridges: z.array(z.object({ bridge: z.string(), connected: z.int(), heardAt: Time })),
  strangers: z.array(StrangerSeen),
  strangersTotal: z.int(),
});
export type BridgeView = z.infer<typeof BridgeView>;

/** The newest frame of a lock, as it came and as it is read; without `frame`: none has come. */
export const FrameAnswer = z.object({ frame: LastFrame.extend({ decoded: z.unknown().optional() }).optional() });
export type FrameAnswer = z.infer<typeof FrameAnswer>;

/** A frame as the bridge reads it. */
export const DecodedFrame = z.object({ decoded: z.unknown() });
export type DecodedFrame = z.infer<typeof DecodedFrame>;
