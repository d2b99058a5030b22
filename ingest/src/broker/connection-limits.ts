import { MAX_PAYLOAD_BYTES } from '@sealwatch/schemas';

export interface ConnectionLimits {
  /** Largest frame of a connected lock that is passed whole, bytes, header included. */
  frameBytes: number;
  /** Largest PUBLISH that is passed with its first `frameBytes` alone; a larger one closes the connection. */
  skippedBytes: number;
  /** Largest first frame (CONNECT), bytes. */
  firstFrameBytes: number;
  /** Publishes of one lock that may wait for their acknowledgement. */
  inFlight: number;
  /** Their bytes. */
  inFlightBytes: number;
  /** How long a frame may stay half received, ms. */
  halfFrameMs: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  // The largest payload, and room for a topic and headers.
  frameBytes: MAX_PAYLOAD_BYTES + 1024,
  skippedBytes: 16 * 2 ** 20,
  firstFrameBytes: 4 * 1024,
  inFlight: 64,
  inFlightBytes: 256 * 1024,
  // The largest frame at 2 kB/s, a poor GPRS line.
  halfFrameMs: 130_000,
};
