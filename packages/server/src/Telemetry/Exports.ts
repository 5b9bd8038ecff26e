/** Between spans and whoever collects them: queues with an end, counts of what was lost, and nothing that waits. */
import { type ExportResult, ExportResultCode } from "@opentelemetry/core"
import { createOtlpHttpExportDelegate, httpAgentFactoryFromOptions } from "@opentelemetry/otlp-exporter-base/node-http"
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base"
import {
  JsonTraceSerializer,
  ProtobufTraceSerializer,
  TraceExporterMetricsHelper
} from "@opentelemetry/otlp-transformer"
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base"

/** Spans that wait to be sent, or are being sent; as many as processors keep. A turn makes about thirty. */
export const maxPendingSpans = 2048

/** Spans sent together. To write them down takes some milliseconds, in which nothing else happens. */
export const batchSize = 256

/** How long a span waits for others to be sent with. */
export const batchDelayMillis = 2000

/** For one batch, with all attempts to send it. */
export const exportTimeoutMillis = 5000

export type Lost = (spans: number, why: string) => void

export interface Destination {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly protocol: "http/protobuf" | "http/json"
}

/** Made of its parts, because the usual ones read headers from the environment, and would send them to everybody. */
const otlp = ({ headers, protocol, url }: Destination): SpanExporter =>
  new OTLPExporterBase(
    createOtlpHttpExportDelegate(
      {
        url,
        headers: () =>
          Promise.resolve({
            ...headers,
            "Content-Type": protocol === "http/json" ? "application/json" : "application/x-protobuf"
          }),
        timeoutMillis: exportTimeoutMillis,
        concurrencyLimit: 4,
        compression: "none",
        agentFactory: httpAgentFactoryFromOptions({ keepAlive: true })
      },
      protocol === "http/json" ? JsonTraceSerializer : ProtobufTraceSerializer,
      "otlp_http_span_exporter",
      TraceExporterMetricsHelper,
      undefined
    )
  )

/** Says what the trouble is without what the other side said. */
const reasonOf = ({ error }: ExportResult): string => {
  if (error === undefined) return "unknown"
  const code: unknown = "code" in error ? error.code : undefined
  return typeof code === "number" || typeof code === "string" ? `${error.name} ${code}` : error.name
}

/**
 * A destination that takes no more than it can hold. Whoever puts spans before it asks for a place for each, and then
 * must send it.
 */
export const bounded = (destination: Destination, lost: Lost, shown: (span: ReadableSpan) => ReadableSpan) => {
  let pending = 0
  const otlpExporter = otlp(destination)
  const exporter: SpanExporter = {
    export: (spans, done) =>
      otlpExporter.export(spans.map(shown), (result) => {
        pending -= spans.length
        if (result.code !== ExportResultCode.SUCCESS) lost(spans.length, reasonOf(result))
        done(result)
      }),
    forceFlush: () => otlpExporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => otlpExporter.shutdown()
  }
  const hasPlace = (): boolean => {
    if (pending < maxPendingSpans) return ++pending > 0
    lost(1, "queue full")
    return false
  }
  return { exporter, hasPlace }
}
