/** The part of this room that loads the SDKs of OpenTelemetry and Langfuse, behind one dynamic import. */
import * as OtelTracer from "@effect/opentelemetry/OtelTracer"
import type { Span as OtelSpan } from "@opentelemetry/api"
import { resourceFromAttributes } from "@opentelemetry/resources"
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanProcessor,
  TraceIdRatioBasedSampler
} from "@opentelemetry/sdk-trace-base"
import { Context, Effect, Exit, Option, Tracer } from "effect"
import * as Exports from "./Exports.ts"
import * as Langfuse from "./Langfuse.ts"
import { TraceState } from "./RequestSpan.ts"
import type { Sampler } from "./settings.ts"
import { failureOfSpan, nameAtEnd } from "./SpanEnding.ts"

export { listener } from "./Langfuse.ts"

const samplerOf = (sampler: Sampler, share: number) => {
  const roots = sampler.endsWith("always_on")
    ? new AlwaysOnSampler()
    : sampler.endsWith("always_off")
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(share)
  return sampler.startsWith("parentbased") ? new ParentBasedSampler({ root: roots }) : roots
}

/** Without what is for Langfuse alone: what was said is in it. Written out, because it is done for every span. */
const withoutLangfuse = (span: ReadableSpan): ReadableSpan => {
  const attributes: ReadableSpan["attributes"] = {}
  for (const name in span.attributes) if (!name.startsWith("langfuse.")) attributes[name] = span.attributes[name]
  const context = span.spanContext()
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => context,
    ...(span.parentSpanContext === undefined ? {} : { parentSpanContext: span.parentSpanContext }),
    startTime: span.startTime,
    endTime: span.endTime,
    duration: span.duration,
    ended: span.ended,
    status: span.status,
    attributes,
    links: span.links,
    events: span.events,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount
  }
}

export interface Options {
  readonly langfuse: Langfuse.Options | undefined
  readonly otlp: Exports.Destination | undefined
  readonly resource: Readonly<Record<string, string>>
  readonly sampler: Sampler
  readonly samplerArg: number
  readonly lost: (to: "langfuse" | "otlp") => Exports.Lost
}

const collector = (destination: Exports.Destination, lost: Exports.Lost): SpanProcessor => {
  const { exporter, hasPlace } = Exports.bounded(destination, lost, withoutLangfuse)
  const batches = new BatchSpanProcessor(exporter, {
    maxQueueSize: Exports.maxPendingSpans,
    maxExportBatchSize: Exports.batchSize,
    scheduledDelayMillis: Exports.batchDelayMillis,
    exportTimeoutMillis: Exports.exportTimeoutMillis
  })
  return {
    onStart: () => {},
    onEnd: (span) => (hasPlace() ? batches.onEnd(span) : undefined),
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown()
  }
}

/** An exception as a tracing system wants it, made of our words alone. */
const told = ({ message, type }: { readonly message: string; readonly type: string }): Error =>
  Object.assign(new Error(message), { name: type, stack: `${type}: ${message}` })

export const make = Effect.fnUntraced(function* ({ langfuse, lost, otlp, resource, sampler, samplerArg }: Options) {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ ...resource }),
    sampler: samplerOf(sampler, samplerArg),
    spanProcessors: [
      ...(langfuse === undefined ? [] : [Langfuse.processor(langfuse, lost("langfuse"))]),
      ...(otlp === undefined ? [] : [collector(otlp, lost("otlp"))])
    ]
  })
  const sdk = provider.getTracer("parley")
  let started: OtelSpan | undefined
  const otel = yield* Effect.provideService(OtelTracer.make, OtelTracer.OtelTracer, {
    startSpan: (...args) => (started = sdk.startSpan(...args)),
    startActiveSpan: sdk.startActiveSpan.bind(sdk)
  })

  const ending = (span: Tracer.Span, exported: OtelSpan | undefined): Tracer.Span => {
    const end = span.end.bind(span)
    return Object.assign(span, {
      end: (endTime: bigint, exit: Exit.Exit<unknown, unknown>): void => {
        const name = nameAtEnd(span)
        if (name !== span.name) exported?.updateName(name)
        const failure = failureOfSpan(span, exit)
        if (failure === undefined) return end(endTime, Exit.void)
        span.attribute("error.type", failure.type)
        if (langfuse !== undefined) {
          span.attribute("langfuse.observation.level", "ERROR")
          span.attribute("langfuse.observation.status_message", failure.message)
        }
        end(endTime, Exit.fail(told(failure)))
      }
    })
  }

  // Effect's tracer would also make each span known to libraries that look for it, at each step of each fiber: that
  // doubles what tracing costs, and none of ours looks.
  const tracer = Tracer.make({
    span: (options) => {
      // A trace is that of a request: what the server does by itself, every second, is none.
      const isNone = !options.sampled || (Option.isNone(options.parent) && options.kind !== "server")
      if (isNone) return Tracer.nativeTracer.span({ ...options, sampled: false })
      const span = otel.span({ ...options, parent: Option.map(options.parent, withState) })
      return span.sampled ? ending(span, started) : span
    }
  })
  return { tracer, shutdown: Effect.promise(() => provider.shutdown()) }
})

/** The caller's list of trace states, read only now that there is somebody who can. */
const withState = (parent: Tracer.AnySpan): Tracer.AnySpan => {
  if (parent._tag === "Span") return parent
  const state = Context.getOrUndefined(parent.annotations, TraceState)
  return OtelTracer.makeExternalSpan({
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: parent.sampled ? 1 : 0,
    traceState: state
  })
}
