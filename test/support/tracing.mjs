/**
 * What a user loads by `node --import`: an OpenTelemetry SDK. Here each thread appends its spans to the file that TEST_SPANS names, a line
 * for each as it ends.
 */
import { appendFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

const file = process.env.TEST_SPANS;

const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { name, kind, parentSpanContext, attributes, links, status, events } = span;
      const { traceId, spanId } = span.spanContext();
      const parent = parentSpanContext?.spanId;
      const linked = links.map(({ context }) => context);
      const line = { threadId, name, kind, traceId, spanId, parent, attributes, links: linked, status, events };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
