/* The languages of locks, both ways: functions of bytes, for who plays a lock. */
export { type BinaryRecord, encodeBinary } from './jointech/binary.ts';
export { encodeLine, lineTo, type P45 } from './jointech/text.ts';
export { encodeFrame, type Header } from './jt808/frame.ts';
export { type Location, type Tag, writeLocation } from './jt808/location.ts';
export { type Message, writeMessage } from './jt808/messages.ts';
export { type Decoded, decode } from './wire/decode.ts';
export { Splitter } from './wire/splitter.ts';
