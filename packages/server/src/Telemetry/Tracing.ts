/**
 * Traces: to Langfuse when its keys are set, to a collector when an OTLP endpoint is. Without either there
 * is one span for each request, which gives the log its trace ids, and nothing is loaded or exported.
 */
import { version } from "@parley/domain/Api"
import { Clock, Context, Effect, Layer, Option, Redacted, References, Tracer } from "effect"
import { appEnvironment } from "../Settings/Setting.ts"
import { Listener } from "./Observations.ts"
import * as RequestSpan from "./RequestSpan.ts"
import { headersOf, settings } from "./settings.ts"

/** For what is not sent yet when the server ends. */
const flushTimeout = "2 seconds"

/** How often the log hears that traces are lost. */
const tellEveryMillis = 60_000

/** Told of every span that did not arrive: for a counter. */
export const LostSpans = Context.Reference<(to: "langfuse" | "otlp", spans: number) => void>(
  "@parley/server/Telemetry/LostSpans",
  { defaultValue: () => () => {} }
)

const langfuse = Effect.gen(function* () {
  const publicKey = yield* settings.langfusePublicKey.config
  const secretKey = yield* settings.langfuseSecretKey.config
  if (Option.isNone(publicKey) || Option.isNone(secretKey)) return undefined
  return {
    baseUrl:
      Option.getOrElse(yield* settings.langfuseBaseUrl.config, () => "") || (yield* settings.langfuseHost.config),
    publicKey: publicKey.value,
    secretKey: Redacted.value(secretKey.value),
    environment: yield* appEnvironment.config,
    release: version,
    content: yield* settings.langfuseContent.config
  }
})

const otlp = Effect.gen(function* () {
  const all = Option.map(yield* settings.otlpEndpoint.config, (url) => `${url.replace(/\/+$/u, "")}/v1/traces`)
  const url = Option.orElse(yield* settings.otlpTracesEndpoint.config, () => all)
  if (Option.isNone(url)) return undefined
  const headers = Option.map(yield* settings.otlpHeaders.config, (text) => headersOf(Redacted.value(text)))
  return {
    url: url.value,
    headers: Option.getOrElse(headers, () => ({})),
    protocol: yield* settings.otlpProtocol.config
  }
})

const resource = Effect.gen(function* () {
  const name = Option.map(yield* settings.serviceName.config, (name) => ({ "service.name": name }))
  return {
    "service.name": "parley",
    "service.version": version,
    "deployment.environment.name": yield* appEnvironment.config,
    ...(yield* settings.resourceAttributes.config),
    ...Option.getOrElse(name, () => ({}))
  }
})

/** Counts, and tells the log now and then. */
const loss = Effect.gen(function* () {
  const count = yield* LostSpans
  const clock = yield* Clock.Clock
  const fork = Effect.runForkWith(yield* Effect.context())
  return (to: "langfuse" | "otlp") => {
    let [untold, toldAt] = [0, -Infinity]
    return (spans: number, why: string): void => {
      count(to, spans)
      untold += spans
      const now = clock.currentTimeMillisUnsafe()
      if (now - toldAt < tellEveryMillis) return
      fork(Effect.annotateLogs(Effect.logWarning(`traces are lost: ${why}`), { exporter: to, spans: untold }))
      untold = 0
      toldAt = now
    }
  }
})

const exporting = Effect.gen(function* () {
  const destinations = { langfuse: yield* langfuse, otlp: yield* otlp }
  const isOff = (yield* settings.sdkDisabled.config) || !(destinations.langfuse ?? destinations.otlp)
  if (isOff) return Layer.succeed(References.TracerEnabled, false)
  const { listener, make } = yield* Effect.promise(() => import("./openTelemetry.ts"))
  const options = {
    ...destinations,
    resource: yield* resource,
    sampler: yield* settings.sampler.config,
    samplerArg: yield* settings.samplerArg.config,
    lost: yield* loss
  }
  // Nobody waits for a collector that is not there: neither requests, nor whoever ends the server.
  const made = Effect.acquireRelease(make(options), ({ shutdown }) =>
    shutdown.pipe(Effect.interruptible, Effect.timeoutOption(flushTimeout), Effect.ignoreCause)
  )
  return Layer.mergeAll(
    Layer.effect(
      Tracer.Tracer,
      Effect.map(made, ({ tracer }) => tracer)
    ),
    destinations.langfuse === undefined ? Layer.empty : Layer.succeed(Listener, listener(destinations.langfuse))
  )
})

export const layer = Layer.mergeAll(Layer.unwrap(exporting), RequestSpan.layerInsteadOfBuiltIn)
