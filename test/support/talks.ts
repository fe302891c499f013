/** A handler that says how far it is, and writes a line, again and again until a file is there or it is aborted. */
export const talks = (everyMs: number): string => `import { existsSync } from 'node:fs'
  export default async ({ file }, { progress, log, signal }) => {
    for (let n = 1; !existsSync(file) && !signal.aborted; n++) {
      progress(n % 100)
      log.info('still at it', { n })
      await new Promise(done => setTimeout(done, ${everyMs}))
    } }`;
