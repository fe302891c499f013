/** `escapement health`. */
import { Command, Option } from 'commander';
import type { HealthQuestion } from '../health.js';
import { examples, option } from '../option.js';
import { serverUrl, wholeNumber } from '../option-values.js';
import { checkToken, fail, inJson, noAnswer, oneLine, orExplain, print } from '../output.js';

export function healthCommand(): Command {
  const command = new Command('health')
    .description(
      'Ask a server how it is. Exit code 0: healthy; 1: degraded or stopping, with the reason; 3: no answer within two seconds.',
    )
    .addOption(
      option('--url <url>', 'where the server answers (default: by the options below, as "start" has them)').argParser(
        serverUrl,
      ),
    )
    .addOption(option('--token <secret>', 'sent along, for a proxy that asks for it; the server itself does not'))
    .option('--live', 'ask only whether it answers: what restarts a container should not do so for a full disk')
    .addOption(new Option('--ready', 'ask only whether it takes requests, as a load balancer does').conflicts('live'))
    .addOption(option('--host <address>', 'address that the server listens on (default: 127.0.0.1)'))
    .addOption(option('--port <number>', 'port that it listens on').default(8080).argParser(wholeNumber(0, 65_535)))
    .addOption(option('--tls-cert <file>', 'its certificate, which is trusted: asks by https'))
    .option('--json', 'print the answer as it came, as JSON')
    .action(({ json, ...question }: HealthQuestion & { readonly json?: true }) =>
      orExplain(async () => {
        if (question.token !== undefined) checkToken(question.token);
        const { askHealth, healthUrl } = await import('../health.js');
        const origin = healthUrl(question);
        if (origin === undefined) return fail('the server takes any free port: name where it answers with --url');
        const { exitCode, line, body } = await askHealth(origin, question);
        if (exitCode === noAnswer) process.stderr.write(oneLine(line));
        else print(json && body !== undefined ? inJson(body) : line);
        process.exitCode = exitCode;
      }),
    );
  return examples(command, 'escapement health --url https://jobs.example.com');
}
