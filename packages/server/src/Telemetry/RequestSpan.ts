/**
 * The first span of a request. Effect's own would have the whole address on it, query and all, the client's address and
 * its user agent; this one has nothing that says who asked or what for.
 */
import { Context, Effect, type Fiber, Function, Layer, Option, References, Tracer } from "effect"
import { type Headers, HttpMiddleware, type HttpServerRequest } from "effect/http"
import { RequestFacts } from "./RequestFacts.ts"

/** What another tracing system sent along with its `traceparent`, for the spans that continue its trace. */
export class TraceState extends Context.Service<TraceState, string>()("@parley/server/Telemetry/TraceState") {}

/** W3C Trace Context, level 2: a version above 00 may have more fields, which are not ours to understand. */
const traceparent = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/u

/** Longer lists need not be passed on. */
const maxTraceState = 512

/** The span of the caller's that this request continues. One that is malformed is as good as none. */
export const parentOf = (headers: Headers.Headers): Tracer.ExternalSpan | undefined => {
  const [, version, traceId, spanId, flags, more] = traceparent.exec(headers["traceparent"] ?? "") ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === "00" && more !== undefined) return undefined
  const state = headers["tracestate"]
  return Tracer.externalSpan({
    traceId,
    spanId,
    sampled: Number.parseInt(flags, 16) % 2 === 1,
    ...(state === undefined || state.length > maxTraceState ? {} : { annotations: Context.make(TraceState, state) })
  })
}

/** Asked every few seconds, and always the same. They have ids for the log, and are not exported. */
const isProbe = (url: string): boolean => /^\/(?:health|metrics)(?:[/?]|$)/u.test(url)

/** Ends with the scope of the request: when the last byte of the answer is out, also of a stream. */
export const begin = (request: HttpServerRequest.HttpServerRequest, requestId: string) => {
  const span = Effect.makeSpanScoped(request.method, {
    kind: "server",
    parent: parentOf(request.headers),
    // Whether others are exported is up to the sampler, which asks what the caller wants, or does not.
    sampled: !isProbe(request.url),
    attributes: { "http.request.method": request.method, "url.scheme": "http", "request.id": requestId }
  })
  return Effect.withFiber((fiber) => (fiber.getRef(References.TracerEnabled) ? span : unexported(request)))
}

/** For the log and exemplars alone, when nobody is told of spans: it need not end. */
const unexported = ({ headers, method, url }: HttpServerRequest.HttpServerRequest) => {
  const parent = Option.fromUndefinedOr(parentOf(headers))
  return Effect.succeed(
    Tracer.nativeTracer.span({
      name: method,
      kind: "server",
      parent,
      root: Option.isNone(parent),
      annotations: Context.empty(),
      links: [],
      startTime: 0n,
      sampled: !isProbe(url)
    })
  )
}

/** The span that something is part of: where there are no others, that of its request. */
export const current = (fiber: Fiber.Fiber<unknown, unknown>): Tracer.AnySpan | undefined => {
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  return span === undefined || span.traceId === noTrace ? fiber.getRef(RequestFacts).span : span
}

/** The trace of spans that Effect does not make. */
const noTrace = "noop"

/** What is known when there is an answer. With its route the span has its name: see `SpanEnding`. */
export const answered = ({ login, route, span }: RequestFacts, status: number): void => {
  if (span === undefined) return
  if (route !== "none") span.attribute("http.route", route)
  span.attribute("http.response.status_code", status)
  if (login !== undefined) span.attribute("user.id", login.id)
}

/** Effect makes no span of its own for a request. */
export const layerInsteadOfBuiltIn = Layer.succeed(HttpMiddleware.TracerDisabledWhen, Function.constTrue)
