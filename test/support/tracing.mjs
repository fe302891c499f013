/**
 * What a user loads by `node --import`: an OpenTelemetry SDK. Here each thread appends its spans to the file that TEST_SPANS names, a line
 * for each as it ends; with TEST_SPANS_KEPT in it, only when it is told to send them. The first line of each thread says that it is there.
 */
import { appendFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { BatchSpanProcessor, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

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

const anHour = 3_600_000;
const processor = process.env.TEST_SPANS_KEPT
  ? new BatchSpanProcessor(exporter, { scheduledDelayMillis: anHour })
  : new SimpleSpanProcessor(exporter);

appendFileSync(file, `${JSON.stringify({ threadId, name: 'preloaded' })}\n`);
new NodeTracerProvider({ spanProcessors: [processor] }).register();
