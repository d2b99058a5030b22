export { type Answers, type Asked, answersTo } from './command/answers.ts';
export {
  type Expected,
  type Outcome,
  provesOpening,
  readAnswer,
  type Target,
  type Written,
  writeCommand,
} from './command/commands.ts';
export { type Profile, ProfileError, readProfile } from './profile/profile.ts';
export { decodeHex, profileNamed, profileNames, protocols } from './protocols.ts';
export { describe, type Plain } from './report/describe.ts';
export { isSound, lockOf, reportsOf } from './report/map.ts';
export type { Context, Mapped, Mapping } from './report/record.ts';
export { Session, type Step } from './session.ts';
export { type Bridge, type BridgeOptions, startBridge } from './sockets/bridge.ts';
export type { Exchange } from './sockets/locks.ts';
export { BridgeSettingsError, restExchange } from './sockets/rest-exchange.ts';
export type { Wire } from './sockets/wire.ts';
export type { Fault } from './wire/bytes.ts';
export { type Decoded, decode } from './wire/decode.ts';
export { type Family, MAX_FRAME_BYTES, type RawFrame, Splitter } from './wire/splitter.ts';
