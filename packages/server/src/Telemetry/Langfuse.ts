/** Langfuse's view of a trace: its processor, and its own names for what a turn is made of. */
import {
  type LangfuseGenerationAttributes,
  createObservationAttributes,
  createTraceAttributes
} from "@langfuse/tracing"
import { LangfuseSpanProcessor } from "@langfuse/otel"
import { SpanKind } from "@opentelemetry/api"
import type { SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { DateTime } from "effect"
import * as Exports from "./Exports.ts"
import { masked } from "./masked.ts"
import type { Listener } from "./Observations.ts"

export interface Options {
  readonly baseUrl: string
  readonly publicKey: string
  readonly secretKey: string
  readonly environment: string
  readonly release: string
  /** Whether it is shown what was said. */
  readonly content: boolean
}

export const processor = (options: Options, lost: Exports.Lost): SpanProcessor => {
  const { baseUrl, publicKey, secretKey } = options
  const { exporter, hasPlace } = Exports.bounded(
    {
      url: `${baseUrl.replace(/\/+$/u, "")}/api/public/otel/v1/traces`,
      headers: {
        authorization: `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString("base64")}`,
        "x-langfuse-sdk-name": "javascript",
        "x-langfuse-public-key": publicKey
      },
      protocol: "http/json"
    },
    lost,
    (span) => span
  )
  return new LangfuseSpanProcessor({
    publicKey,
    secretKey,
    baseUrl,
    environment: options.environment,
    release: options.release,
    exporter,
    flushAt: Exports.batchSize,
    flushInterval: Exports.batchDelayMillis / 1000,
    // Turns, and what they are made of: each of their spans tells the session. It also asks as a span begins, to know
    // where the trace begins here: with the request.
    shouldExportSpan: ({ otelSpan: { attributes, ended, kind } }) =>
      ended ? attributes["session.id"] !== undefined && hasPlace() : kind === SpanKind.SERVER,
    mask: ({ data }) => (typeof data === "string" ? masked(data) : data),
    // Nothing that is said here is a file.
    mediaUploadEnabled: false
  })
}

/** Texts only if they are wanted; what is told as a function is not asked for otherwise. */
export const listener = ({ content }: Pick<Options, "content">): Listener => {
  const said = (what: (() => unknown) | undefined) => (content && what !== undefined ? what() : undefined)
  return {
    observed: ({ costEur, firstTokenMillis, input, model, modelParameters, output, type, usage }) => {
      const attributes: LangfuseGenerationAttributes = {
        input: said(input),
        output: said(output),
        ...(model === undefined ? {} : { model }),
        ...(modelParameters === undefined ? {} : { modelParameters: { ...modelParameters } }),
        ...(usage === undefined ? {} : { usageDetails: { ...usage } }),
        ...(costEur === undefined ? {} : { costDetails: { total: costEur }, metadata: { cost_currency: "EUR" } }),
        ...(firstTokenMillis === undefined
          ? {}
          : { completionStartTime: DateTime.toDateUtc(DateTime.makeUnsafe(firstTokenMillis)) })
      }
      return createObservationAttributes(type, attributes)
    },
    traced: ({ input, name, output, tags }) => ({
      ...createTraceAttributes({ input: said(input), output: said(output) }),
      "langfuse.trace.name": name,
      "langfuse.trace.tags": tags
    })
  }
}
