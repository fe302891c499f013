/**
 * The process of a server: its log, its signals and its end around what `main` puts together.
 *
 * Exit codes: 0 after a stop in order, 1 when it could not start or had to stop, 137 when it had to kill itself because
 * something held it.
 */
import { isatty } from 'node:tty';
import { pino } from 'pino';
import type { Config } from './config.js';
import { ProcessEnd } from './process/end.js';
import { LogDestination } from './process/log-destination.js';
import { logText } from './process/log-text.js';
import type { StopSignals } from './process/signals.js';
import { type Running, start } from './startup.js';

const standardOutput = 1;
const standardError = 2;

/**
 * Starts the server and resolves when it listens, or when the process is about to end instead.
 *
 * @param explain one line for the user about what made the start fail
 */
export async function runServer(
  config: Config,
  signals: StopSignals,
  explain: (error: unknown) => string,
): Promise<void> {
  const output = new LogDestination({ fd: standardOutput, onLost: (lines) => reportLoss(lines) });
  const errors = new LogDestination({ fd: standardError, onLost: () => {} });
  // Readable lines may also be asked for in a file, where colours would be signs.
  const coloured = isatty(standardOutput) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  const asText = config.logFormat === 'text';
  const write = (line: string): void => output.write(asText ? logText(line, coloured) : line);
  const log = pino({ level: config.logLevel }, { write });
  const reportLoss = (lines: number): void => {
    log.warn({ lines }, 'lines of this log are lost: standard output did not take them');
  };
  const end = new ProcessEnd({
    logSettled: async (limitMs) =>
      (await Promise.all([output.settled(limitMs), errors.settled(limitMs)])).every(Boolean),
    onHeld: () => log.warn('native code holds a thread of this process, which therefore ends by SIGKILL'),
  });
  const fatal = (reason: string): void => {
    log.fatal({ reason }, 'the server must stop');
    void end.end(1);
  };
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'the server must stop: an error that nothing has caught');
    void end.end(1);
  });
  // Node would write them to standard error and wait for that.
  process.removeAllListeners('warning').on('warning', (warning) => log.warn({ err: warning }, 'a warning of Node'));

  const starting = start(config, { log, end, fatal, stopping: signals.requested });
  signals.handle(
    (signal) => {
      log.info({ signal }, 'stopping');
      void starting.then((running) => stopInOrder(running, end, log)).catch(() => {});
    },
    () => {
      log.warn('stopping at once: a second signal came');
      void end.end(1);
    },
  );
  signals.handleHangUp(() => void starting.then((running) => running.reload('SIGHUP')).catch(() => {}));
  try {
    const { url } = await starting;
    output.write(`escapement listening on ${url}\n`);
  } catch (error) {
    if (error === signals.requested.reason) {
      log.info('stopped during startup');
      await end.end(0);
    } else {
      errors.write(explain(error));
      await end.end(1);
    }
  }
}

async function stopInOrder(running: Running, end: ProcessEnd, log: pino.Logger): Promise<void> {
  try {
    await running.stop();
    log.info('stopped');
    await end.end(0);
  } catch (error) {
    log.fatal({ err: error }, 'the server could not stop in order');
    await end.end(1);
  }
}
