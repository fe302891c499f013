/** The environment variables of options, put in order before commander reads them. */
import type { Option } from 'commander';

/**
 * Removes the variables that say nothing. An empty one is as good as none: that is how compose files and units leave one
 * out. Commander takes any text in the variable of an option without a value for yes; here `true` and `1` are yes, `false`
 * and `0` no, and anything else is a mistake.
 *
 * @returns what is wrong with one, as a sentence for the user; undefined when all can be read
 */
export function readVariables(options: readonly Option[], variables: NodeJS.ProcessEnv): string | undefined {
  for (const name of Object.keys(variables)) {
    if (name.startsWith('ESCAPEMENT_') && variables[name] === '') delete variables[name];
  }
  for (const { envVar, required, optional, long } of options) {
    const text = envVar === undefined || required || optional ? undefined : variables[envVar]?.toLowerCase();
    if (envVar === undefined || text === undefined || text === 'true' || text === '1') continue;
    if (text !== 'false' && text !== '0') return `the variable ${envVar} of ${long} must be true or false`;
    delete variables[envVar];
  }
  return undefined;
}
