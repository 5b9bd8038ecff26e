import type { LimitName } from "@parley/domain/Limits"
import { contentType } from "@parley/domain/Metrics"
import { Context, Effect, Layer, Scope } from "effect"
import { collectDefaultMetrics, type Counter, Histogram, Registry } from "prom-client"
import type { BusinessNumbers } from "./BusinessNumbers.ts"
import * as Catalogue from "./Catalogue.ts"
import { current } from "./RequestSpan.ts"
import { begin, beginModels, routes, setBusiness } from "./series.ts"

export interface ModelCalled {
  /** As configured, whatever the provider calls it. */
  readonly model: string
  readonly seconds: number
  /** Nothing if nothing came. */
  readonly firstChunkSeconds: number | undefined
  readonly error: Catalogue.ModelError | undefined
}

/** What the pool has at this moment. */
export interface PoolState {
  readonly used: number
  readonly idle: number
  readonly pending: number
}

/**
 * What is counted, and its exposition. One registry for each server: two in a process do not count together. Methods are
 * named as what has happened; their labels are types, so that nobody can make up another value.
 */
export class Metrics extends Context.Service<
  Metrics,
  {
    /** Everything as OpenMetrics text, and only so: prom-client cannot serve one registry in two formats. */
    readonly exposition: Effect.Effect<string>

    /** A request is under way until its scope ends. */
    readonly requestBegan: Effect.Effect<void, never, Scope.Scope>
    readonly responded: (response: {
      readonly method: string
      readonly route: string
      readonly status: number
      readonly seconds: number
    }) => Effect.Effect<void>

    /** A stream is open until its scope ends. */
    readonly streamBegan: Effect.Effect<void, never, Scope.Scope>
    readonly turnEnded: (turn: {
      readonly mode: Catalogue.TurnMode
      readonly outcome: Catalogue.TurnOutcome
      readonly seconds: number
      readonly overheadSeconds: number
    }) => Effect.Effect<void>

    /** Those that will be asked, each the fallback of the one before: what is counted of them begins at 0. */
    readonly modelsKnown: (models: ReadonlyArray<string>) => Effect.Effect<void>
    readonly modelCalled: (call: ModelCalled) => Effect.Effect<void>
    readonly tokensUsed: (model: string, inputTokens: number, outputTokens: number) => Effect.Effect<void>
    readonly modelRetried: (reason: Catalogue.ModelError) => Effect.Effect<void>
    readonly modelReplaced: (from: string, to: string) => Effect.Effect<void>
    readonly moneySpent: (model: string, kind: Catalogue.CostKind, euros: number) => Effect.Effect<void>

    readonly authEvent: (event: Catalogue.AuthEvent, outcome: Catalogue.AuthOutcome) => Effect.Effect<void>
    readonly limitDecided: (limit: LimitName, isAllowed: boolean) => Effect.Effect<void>
    readonly limitStoreFailed: Effect.Effect<void>

    /** No effect, because it is done for every statement. */
    readonly statementEnded: (statement: Catalogue.Statement, seconds: number) => void
    /** No effect, because exporters tell it. */
    readonly spansLost: (exporter: Catalogue.Exporter, spans: number) => void
    /** Asked when there is a scrape. */
    readonly poolIs: (state: () => PoolState) => Effect.Effect<void>

    /** An event of the payment provider, with what it changed. */
    readonly billingReceived: (received: {
      readonly payments: ReadonlyArray<{ readonly status: Catalogue.PaymentStatus; readonly amountEur: number }>
      readonly subscription: Catalogue.SubscriptionEvent | undefined
    }) => Effect.Effect<void>
    readonly businessIs: (numbers: BusinessNumbers, countedAtMillis: number) => Effect.Effect<void>
    readonly targetsAre: (targets: {
      readonly dailyBudgetEur: number
      readonly arrTargetEur: number
    }) => Effect.Effect<void>
  }
>()("@parley/server/Telemetry/Metrics") {
  static readonly layer = Layer.effect(
    Metrics,
    Effect.sync(() => make())
  )
}

/**
 * What Node holds open, by kind: the kinds come and go, and to count them takes longer the more connections there are.
 * Some of their names end as only those of counters may.
 */
const unwanted = ["handles", "requests", "resources"].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`
])

const make = (): Metrics["Service"] => {
  const registry = new Registry<typeof contentType>()
  registry.setContentType(contentType)
  const all = Catalogue.make(registry)
  collectDefaultMetrics({ register: registry })
  for (const name of unwanted) registry.removeSingleMetric(name)
  const garbage = registry.getSingleMetric("nodejs_gc_duration_seconds")
  if (garbage instanceof Histogram) for (const kind of Catalogue.garbageKinds) garbage.zero({ kind })
  begin(all)
  const beginRoute = routes(all)

  let pool = (): PoolState => ({ used: 0, idle: 0, pending: 0 })
  const readPool = () => {
    const { idle, pending, used } = pool()
    all.connections.set({ state: "used" }, used)
    all.connections.set({ state: "idle" }, idle)
    all.pendingRequests.set(pending)
  }

  // Not `acquireRelease`, which copies all services for each request.
  const during = (gauge: typeof all.httpActive) => {
    const leave = Effect.sync(() => gauge.dec())
    return Effect.flatMap(Effect.scope, (scope) => {
      gauge.inc()
      return Scope.addFinalizer(scope, leave)
    })
  }

  return Metrics.of({
    exposition: Effect.suspend(() => {
      readPool()
      return Effect.promise(() => registry.metrics())
    }),

    requestBegan: during(all.httpActive),
    responded: ({ method, route, seconds, status }) => {
      const http_request_method = methodLabel(method)
      beginRoute(http_request_method, route)
      return observe(all.httpDuration, seconds, {
        http_request_method,
        http_route: route,
        http_response_status_code: status
      })
    },

    streamBegan: during(all.streamsActive),
    turnEnded: ({ mode, outcome, overheadSeconds, seconds }) => {
      const ended = observe(all.turnDuration, seconds, { mode, outcome })
      return outcome === "answered" ? Effect.andThen(ended, observe(all.turnOverhead, overheadSeconds, {})) : ended
    },

    modelsKnown: (models) => Effect.sync(() => beginModels(all, models)),
    modelCalled: ({ error, firstChunkSeconds, model, seconds }) => {
      const labels = { gen_ai_request_model: model }
      const called = observe(
        all.modelDuration,
        seconds,
        error === undefined ? labels : { ...labels, error_type: error }
      )
      return firstChunkSeconds === undefined
        ? called
        : Effect.andThen(called, observe(all.modelFirstChunk, firstChunkSeconds, labels))
    },
    tokensUsed: (model, inputTokens, outputTokens) =>
      Effect.andThen(
        observe(all.modelTokens, inputTokens, { gen_ai_request_model: model, gen_ai_token_type: "input" }),
        observe(all.modelTokens, outputTokens, { gen_ai_request_model: model, gen_ai_token_type: "output" })
      ),
    modelRetried: (reason) => count(all.retries, { reason }),
    modelReplaced: (from, to) => count(all.fallbacks, { from, to }),
    moneySpent: (model, kind, euros) => count(all.cost, { gen_ai_request_model: model, kind }, euros),

    authEvent: (event, outcome) =>
      Effect.sync(() => {
        all.authEvents.inc({ event, outcome })
        if (event === "register" && outcome === "success") all.usersRegistered.inc()
      }),
    limitDecided: (limit, isAllowed) =>
      count(all.limitDecisions, { limit, decision: isAllowed ? "allowed" : "limited" }),
    limitStoreFailed: count(all.limitStoreErrors, {}),

    statementEnded: (operation, seconds) => all.statementDuration.observe({ labels: { operation }, value: seconds }),
    spansLost: (exporter, spans) => all.spansLost.inc({ exporter }, spans),
    poolIs: (state) => Effect.sync(() => void (pool = state)),

    billingReceived: ({ payments, subscription }) =>
      Effect.sync(() => {
        for (const { amountEur, status } of payments) {
          all.payments.inc({ status })
          if (status === "succeeded") all.paymentsAmount.inc(amountEur)
        }
        if (subscription !== undefined) all.subscriptionEvents.inc({ event: subscription })
      }),
    businessIs: (numbers, countedAtMillis) => Effect.sync(() => setBusiness(all, numbers, countedAtMillis)),
    targetsAre: ({ arrTargetEur, dailyBudgetEur }) =>
      Effect.sync(() => {
        all.arrTarget.set(arrTargetEur)
        all.dailyBudget.set(dailyBudgetEur)
      })
  })
}

/** Those of RFC 9110 and PATCH; others are `_OTHER`, as OpenTelemetry has it. */
const methods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"])
const methodLabel = (method: string): string => (methods.has(method) ? method : "_OTHER")

const count = <L extends string>(counter: Counter<L>, labels: Partial<Record<L, string>>, by = 1) =>
  Effect.sync(() => counter.inc(labels, by))

/** A histogram, as `observe` needs it: its own type is lost on labels that are not known yet. */
interface Observer<Labels> {
  readonly observe: (observed: {
    readonly labels: Labels
    readonly value: number
    readonly exemplarLabels: Partial<Record<Catalogue.ExemplarLabel, string>>
  }) => void
}

/** With the id of the trace that this is part of, if there is one, as its exemplar. */
const observe = <Labels>(histogram: Observer<Labels>, value: number, labels: Labels) =>
  Effect.withFiber((fiber) => {
    const span = current(fiber)
    histogram.observe({ labels, value, exemplarLabels: span?.sampled === true ? { trace_id: span.traceId } : {} })
    return Effect.void
  })
