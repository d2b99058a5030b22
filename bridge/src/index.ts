export { type Bridge, type BridgeOptions, startBridge } from './sockets/bridge.ts';
export type { Exchange } from './sockets/locks.ts';
export { BridgeSettingsError, restExchange } from './sockets/rest-exchange.ts';
export type { Wire } from './sockets/wire.ts';
