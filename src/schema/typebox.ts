/**
 * What the server uses of typebox, and the only place that knows it: typebox is some 700 files, reading which took half of
 * a start, so the build makes one file of this module and all that it imports. Worker threads do without: reading even that
 * file takes each of them some 50 ms.
 */
export { default as Type, type TObject, type TSchema } from 'typebox';
export { Compile } from 'typebox/compile';
export { Settings } from 'typebox/system';
