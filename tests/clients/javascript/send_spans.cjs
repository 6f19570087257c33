// An engine with nothing but the OpenTelemetry SDK for JavaScript: the exporter's package is the argument, the rest is OTEL_*.
//
// Takes {"once": [attributes, ...], "twice": [attributes, ...]} on stdin, one object a span. The second lot goes through two
// export pipelines, so that each of its spans is delivered twice.
'use strict';

const { readFileSync } = require('node:fs');
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');
const { OTLPTraceExporter } = require(process.argv[2]);

async function send(lot, deliveries) {
  const spanProcessors = Array.from({ length: deliveries }, () => new BatchSpanProcessor(new OTLPTraceExporter()));
  const provider = new NodeTracerProvider({ spanProcessors });
  const tracer = provider.getTracer('clients');
  for (const attributes of lot) {
    tracer.startSpan('paid call', { attributes }).end();
  }
  await provider.shutdown().catch((error) => console.error(`not delivered: ${error}`));
}

async function main() {
  const lots = JSON.parse(readFileSync(0, 'utf8'));
  await send(lots.once, 1);
  await send(lots.twice, 2);
}

main();
