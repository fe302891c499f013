/**
 * The variables of options without a value. Commander takes any text in one for yes; here `true` and `1` are yes, `false`
 * and `0` no, and anything else is a mistake.
 */
import type { Option } from 'commander';

/**
 * Removes the variables that say no.
 *
 * @returns what is wrong with one, as a sentence for the user; undefined when all can be read
 */
export function readSwitches(options: readonly Option[], variables: NodeJS.ProcessEnv): string | undefined {
  for (const { envVar, required, optional, long } of options) {
    const text = envVar === undefined || required || optional ? undefined : variables[envVar]?.toLowerCase();
    if (envVar === undefined || text === undefined || text === 'true' || text === '1') continue;
    if (text !== 'false' && text !== '0') return `the variable ${envVar} of ${long} must be true or false`;
    delete variables[envVar];
  }
  return undefined;
}
