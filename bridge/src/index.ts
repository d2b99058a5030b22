export * from './profile/profile.ts';
export * from './report/map.ts';
export * from './wire/decode.ts';
export * from './wire/splitter.ts';
export * from './report/describe.ts';
