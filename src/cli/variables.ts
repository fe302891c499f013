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

/** Names that Kubernetes gives the variables of a Service called `escapement` or `escapement-…`, but for the next. */
const linkName =
  /^ESCAPEMENT(?:_[A-Z0-9_]+)?_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)$/;
/** This one ends as an option's variable does, so its value must be a link, too. */
const linkPort = /^ESCAPEMENT(?:_[A-Z0-9_]+)?_PORT$/;
const linkValue = /^(?:tcp|udp|sctp):\/\/\S+:\d{1,5}$/;

/**
 * The variables that Kubernetes sets in each container beside a Service, for others to find that
 * (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables). Those that are an option's
 * are removed; handlers may use the others.
 *
 * @returns their names
 */
export function passOverServiceLinks(options: readonly Option[], variables: NodeJS.ProcessEnv): readonly string[] {
  const names = Object.keys(variables).filter(
    (name) => linkName.test(name) || (linkPort.test(name) && linkValue.test(variables[name] ?? '')),
  );
  for (const name of names) if (options.some(({ envVar }) => envVar === name)) delete variables[name];
  return names;
}
