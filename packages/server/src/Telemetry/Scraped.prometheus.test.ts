/** The server as a process, under traffic of all kinds, as a real Prometheus sees it. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer, vi } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { randomUUID } from "node:crypto"
import { freePort } from "../../bench/Processes.ts"
import { asText, promtool, RealPrometheus } from "../../test/RealPrometheus.ts"
import * as ServerProcess from "../../test/ServerProcess.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import * as Account from "../../test/TestAccount.ts"
import * as TestBilling from "../../test/TestBilling.ts"
import { answer, events, newcomer, say } from "../../test/TestChat.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { TestServer } from "../../test/TestServer.ts"

// A process starts, another scrapes it: seconds, on a busy machine many.
vi.setConfig({ testTimeout: 60_000 })

const token = "the-token-of-prometheus"

/** Every metric, as its series are called: what is measured in pieces by its `_count`. */
const catalogue = [
  "http_server_request_duration_seconds_count",
  "http_server_active_requests",
  "chat_streams_active",
  "chat_turn_duration_seconds_count",
  "chat_turn_overhead_seconds_count",
  "gen_ai_client_operation_duration_seconds_count",
  "gen_ai_client_operation_time_to_first_chunk_seconds_count",
  "gen_ai_client_token_usage_count",
  "llm_retries_total",
  "llm_fallbacks_total",
  "llm_cost_euros_total",
  "llm_cost_today_euros",
  "llm_daily_budget_euros",
  "llm_cost_per_active_user_euros",
  "llm_users_over_cost",
  "auth_events_total",
  "rate_limit_decisions_total",
  "rate_limit_store_errors_total",
  "db_client_connection_count",
  "db_client_connection_pending_requests",
  "db_client_operation_duration_seconds_count",
  "payments_total",
  "payments_amount_euros_total",
  "subscriptions_active",
  "subscription_events_total",
  "revenue_mrr_euros",
  "revenue_arr_euros",
  "revenue_arr_target_euros",
  "users_active",
  "users_registered_total",
  "business_metrics_last_success_timestamp_seconds",
  "app_build_info",
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_open_fds",
  "nodejs_eventloop_lag_p99_seconds",
  "nodejs_heap_size_used_bytes",
  "nodejs_gc_duration_seconds_count"
]

/** Those that are 0 when all is well, and nothing of what is done here changes that. */
const quiet = new Set(["chat_streams_active", "rate_limit_store_errors_total", "db_client_connection_pending_requests"])

const Watched = Layer.unwrap(
  Effect.gen(function* () {
    const { url } = yield* TestDatabase.make
    const { baseUrl } = yield* StubModel
    const port = yield* freePort
    const { client } = yield* ServerProcess.start({
      database: url,
      modelUrl: baseUrl,
      port,
      settings: {
        METRICS_TOKEN: token,
        STRIPE_WEBHOOK_SECRET: TestBilling.secret,
        BUSINESS_METRICS_INTERVAL: "200 millis",
        LLM_FALLBACK_MODELS: "gpt-4o",
        LLM_MAX_ATTEMPTS: "2",
        RATE_LIMIT_LOGIN: "2 per hour",
        USER_MONTHLY_TARGET_EUR: "0.0001",
        USER_MONTHLY_LIMIT_EUR: "100"
      }
    })
    return Layer.mergeAll(
      RealPrometheus.layerOf({ port, token }),
      PgClient.layer({ url }),
      Layer.succeed(TestServer, client)
    )
  })
).pipe(Layer.provideMerge(StubModel.layer), Layer.provideMerge(NodeServices.layer))

const traffic = Effect.gen(function* () {
  const stub = yield* StubModel
  const { ask } = yield* TestServer
  const person = yield* newcomer
  yield* answer(person, "Hello")
  yield* events(person, "And as a stream")
  yield* stub.enqueue(Reply.refusal({ status: 500 }))
  yield* stub.enqueue(Reply.refusal({ status: 500 }))
  yield* stub.enqueue(Reply.text("From another model.", { usage: { promptTokens: 5000, completionTokens: 500 } }))
  yield* answer(person, "Try")
  yield* stub.enqueue(Reply.refusal({ status: 401 }))
  assert.strictEqual((yield* say(person, "Fail")).status, 502)
  const account = yield* Account.newcomer
  for (const password of ["Wrong-horse-7", Account.password, Account.password]) {
    yield* Account.login(account.email, password)
  }
  yield* ask("GET", `/${randomUUID()}`)
  yield* TestBilling.deliver(TestBilling.event("charge.succeeded", TestBilling.charge()))
  yield* TestBilling.deliver(TestBilling.event("customer.subscription.created", TestBilling.subscription()))
})

layer(Watched, { excludeTestServices: true })("Prometheus", (it) => {
  it.effect("has every metric of a server that is used, and its exemplars", () =>
    Effect.gen(function* () {
      const prometheus = yield* RealPrometheus
      yield* traffic
      // Business metrics have had their time by then, too.
      yield* Effect.andThen(prometheus.scraped, prometheus.scraped)
      const missing: Array<string> = []
      const still: Array<string> = []
      for (const name of catalogue) {
        const series = yield* prometheus.query(`{__name__="${name}"}`)
        if (series.length === 0) missing.push(name)
        else if (!series.some(({ value: [, value] }) => Number(value) !== 0 && value !== "NaN")) still.push(name)
      }
      assert.deepStrictEqual(missing, [])
      assert.deepStrictEqual(
        still.filter((name) => !quiet.has(name)),
        []
      )
      for (const metric of [
        "chat_turn_duration_seconds_bucket",
        "chat_turn_overhead_seconds_bucket",
        "gen_ai_client_operation_duration_seconds_bucket"
      ]) {
        const exemplars = yield* prometheus.exemplars(metric)
        assert.isNotEmpty(exemplars, metric)
        for (const { trace_id = "" } of exemplars) assert.match(trace_id, /^[0-9a-f]{32}$/u)
      }
    })
  )

  it.effect("finds nothing to complain of in their names, help and types", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestServer
      const { text } = yield* ask("GET", "/metrics", { token })
      assert.deepStrictEqual(yield* promtool(["check", "metrics"], asText(text)), { code: 0, output: "" })
      // It would.
      const { code, output } = yield* promtool(["check", "metrics"], "# TYPE a_counter counter\na_counter 1\n")
      assert.notStrictEqual(code, 0)
      assert.include(output, "a_counter")
    })
  )
})
