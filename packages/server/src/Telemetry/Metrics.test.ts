/** Each metric moves by what has happened, and by nothing else. Those of turns are tested with them. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { changes, samplesOf, scrape, valueOf } from "../../test/Exposition.ts"
import * as Account from "../../test/TestAccount.ts"
import * as TestBilling from "../../test/TestBilling.ts"
import { answer, newcomer } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

layer(TestServer.layerWith({ settings: { RATE_LIMIT_LOGIN: "3 per hour" } }), { excludeTestServices: true })(
  "whoever comes",
  (it) => {
    it.effect("is counted with what the audit log says of them, and with what the limits decide", () =>
      Effect.gen(function* () {
        const auth = (event: string, outcome: string) => ["auth_events_total", { event, outcome }] as const
        const limit = (limit: string, decision: string) => ["rate_limit_decisions_total", { limit, decision }] as const
        const moved = yield* changes(
          {
            registered: auth("register", "success"),
            taken: auth("register", "email_taken"),
            users: ["users_registered_total"],
            in: auth("login", "success"),
            failed: auth("login", "failure"),
            refreshed: auth("refresh", "success"),
            everything: ["auth_events_total"],
            loginAllowed: limit("login", "allowed"),
            loginLimited: limit("login", "limited"),
            registerAllowed: limit("register", "allowed")
          },
          Effect.gen(function* () {
            const { ask } = yield* TestServer
            const account = yield* Account.newcomer
            yield* ask("POST", "/v1/auth/register", { body: { email: account.email, password: Account.password } })
            for (const password of [Account.password, "Wrong-horse-7", "Wrong-horse-8", Account.password]) {
              yield* Account.login(account.email, password)
            }
            yield* Account.refreshed(account.refresh_token)
          })
        )
        assert.deepStrictEqual(moved, {
          registered: 1,
          taken: 1,
          users: 1,
          in: 1,
          failed: 2,
          refreshed: 1,
          everything: 6,
          loginAllowed: 3,
          loginLimited: 1,
          registerAllowed: 2
        })
      })
    )

    it.effect("is counted by method, template of the route and status, whatever the path and the method are", () =>
      Effect.gen(function* () {
        const { ask, openSession, register } = yield* TestServer
        const token = yield* register
        const responses = (http_request_method: string, http_route: string, http_response_status_code: string) =>
          [
            "http_server_request_duration_seconds_count",
            { http_request_method, http_route, http_response_status_code }
          ] as const
        const route = "/api/v1/chat/sessions/:session_id"
        const moved = yield* changes(
          {
            found: responses("GET", route, "200"),
            missing: responses("GET", route, "404"),
            odd: responses("_OTHER", "none", "404"),
            nowhere: responses("GET", "none", "404")
          },
          Effect.gen(function* () {
            for (const _ of [1, 2]) yield* ask("GET", `/v1/chat/sessions/${yield* openSession(token)}`, { token })
            yield* ask("GET", `/v1/chat/sessions/${randomUUID()}`, { token })
            yield* ask("PROPFIND", `/${randomUUID()}`)
            yield* ask("GET", `/${randomUUID()}`)
          })
        )
        assert.deepStrictEqual(moved, { found: 2, missing: 1, odd: 1, nowhere: 1 })
      })
    )

    it.effect("begins the failures of what they ask at 0, so that the first one is an increase", () =>
      Effect.gen(function* () {
        const { ask, register } = yield* TestServer
        const person = yield* newcomer
        yield* ask("GET", "/v1/users/me", { token: yield* register })
        yield* answer(person, "Hello")
        const exposition = yield* scrape
        const failures = (http_route: string) =>
          samplesOf(exposition, "http_server_request_duration_seconds_count", { http_route }).flatMap(
            ({ labels, value }) =>
              labels["http_response_status_code"]?.startsWith("5") === true
                ? [[labels["http_response_status_code"], value]]
                : []
          )
        const always = [
          ["500", 0],
          ["503", 0]
        ]
        assert.sameDeepMembers(failures("/api/v1/users/me"), always)
        assert.sameDeepMembers(failures("/api/v1/chat"), [...always, ["502", 0], ["504", 0]])
        assert.isEmpty(failures("none"))
        assert.isEmpty(failures("/metrics"))
      })
    )

    it.effect("has their statements counted, and the connections these are on", () =>
      Effect.gen(function* () {
        const person = yield* newcomer
        const moved = yield* changes(
          {
            select: ["db_client_operation_duration_seconds_count", { operation: "select" }],
            with: ["db_client_operation_duration_seconds_count", { operation: "with" }]
          },
          answer(person, "Hello")
        )
        assert.isAtLeast(moved["with"] ?? 0, 2)
        assert.isAtLeast(moved["select"] ?? 0, 1)
        const exposition = yield* scrape
        assert.isAtLeast(valueOf(exposition, "db_client_connection_count", { state: "idle" }) ?? 0, 1)
        assert.strictEqual(valueOf(exposition, "db_client_connection_count", { state: "used" }), 0)
        assert.strictEqual(valueOf(exposition, "db_client_connection_pending_requests"), 0)
      })
    )

    it.effect("finds the trace of a slow answer by its exemplar", () =>
      Effect.gen(function* () {
        yield* answer(yield* newcomer, "Hello")
        const exposition = yield* scrape
        for (const name of ["chat_turn_duration_seconds_bucket", "gen_ai_client_operation_duration_seconds_bucket"]) {
          const exemplars = samplesOf(exposition, name).flatMap(({ exemplar }) => exemplar ?? [])
          assert.isNotEmpty(exemplars, name)
          for (const { labels } of exemplars) assert.match(labels["trace_id"] ?? "", /^[0-9a-f]{32}$/u)
        }
      })
    )
  }
)

const token = "the-token-of-prometheus"

layer(TestServer.layerWith({ settings: { METRICS_TOKEN: token, RATE_LIMIT_DEFAULT: "1 per hour" } }), {
  excludeTestServices: true
})("metrics with a token", (it) => {
  it.effect("are for who has it, as often as they like", () =>
    Effect.gen(function* () {
      const { ask, register } = yield* TestServer
      const told = (sent: Parameters<typeof ask>[2]) =>
        Effect.map(ask("GET", "/metrics", sent), ({ headers, status, text }) =>
          status === 200 ? headers.get("content-type") : `${status} ${text}`
        )
      assert.strictEqual(yield* told({}), '401 {"detail":"Not authenticated"}')
      for (const bad of [`${token}x`, token.slice(1), token.toUpperCase(), yield* register]) {
        assert.strictEqual(yield* told({ token: bad }), '401 {"detail":"Invalid or expired token"}')
      }
      for (const _ of [1, 2, 3]) {
        assert.strictEqual(yield* told({ token }), "application/openmetrics-text; version=1.0.0; charset=utf-8")
      }
    })
  )
})

layer(TestServer.layerWith({ settings: { STRIPE_WEBHOOK_SECRET: TestBilling.secret } }), {
  excludeTestServices: true
})("what is paid", (it) => {
  it.effect("is counted once, however often it is told", () =>
    Effect.gen(function* () {
      const paid = TestBilling.event("charge.succeeded", TestBilling.charge({ amount: 1950, amount_captured: 1950 }))
      const moved = yield* changes(
        {
          succeeded: ["payments_total", { status: "succeeded" }],
          failed: ["payments_total", { status: "failed" }],
          euros: ["payments_amount_euros_total"],
          created: ["subscription_events_total", { event: "created" }],
          cancelled: ["subscription_events_total", { event: "cancelled" }]
        },
        Effect.gen(function* () {
          yield* TestBilling.deliver(paid)
          yield* TestBilling.deliver(paid)
          yield* TestBilling.deliver(TestBilling.event("charge.failed", TestBilling.charge({ status: "failed" })))
          yield* TestBilling.deliver(TestBilling.event("customer.subscription.created", TestBilling.subscription()))
        })
      )
      assert.deepStrictEqual(moved, { succeeded: 1, failed: 1, euros: 19.5, created: 1, cancelled: 0 })
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a server that has just started", (it) => {
  it.effect("has every counter, at 0", () =>
    Effect.gen(function* () {
      const exposition = yield* scrape
      const counters = [...exposition.types].filter(
        ([name, type]) => type === "counter" && !name.startsWith("process_")
      )
      assert.isAtLeast(counters.length, 6)
      for (const [name] of counters) {
        // With one model there is nothing to fall back to.
        if (name === "llm_fallbacks") continue
        assert.strictEqual(valueOf(exposition, `${name}_total`), 0, name)
      }
      assert.strictEqual(valueOf(exposition, "app_build_info", { version: "0.1.0" }), 1)
      assert.strictEqual(samplesOf(exposition, "auth_events_total").length, 21)
    })
  )

  it.effect("shows how its process does: event loop, heap, garbage, processor, files", () =>
    Effect.gen(function* () {
      const exposition = yield* scrape
      for (const name of [
        "nodejs_eventloop_lag_p99_seconds",
        "nodejs_heap_size_used_bytes",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds"
      ]) {
        assert.isAbove(valueOf(exposition, name) ?? 0, 0, name)
      }
      assert.isDefined(valueOf(exposition, "nodejs_gc_duration_seconds_count", { kind: "major" }))
    })
  )
})
