/**
 * From a request to a message: the server, Prometheus, Alertmanager and everything that alerts arrive at, all of them real
 * but the last. The rules and the configuration are those of the repository, in a world where a minute lasts a second:
 * every duration of theirs is divided by 60 (`Stack.ts`), so that half an hour is half a minute. Nothing else is changed.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { Effect, Layer, Option, Schedule, Schema } from "effect"
import { alertsOf, read, recordingsOf } from "../prometheus/rules.ts"
import { App } from "./App.ts"
import { channels, Channels } from "./Channels.ts"
import { Stack } from "./Stack.ts"

vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 })

const Vector = Schema.Struct({
  data: Schema.Struct({ result: Schema.Array(Schema.Struct({ value: Schema.Tuple([Schema.Number, Schema.String]) })) })
})

/** The first value of an expression. */
const query = Effect.fnUntraced(function* (expression: string) {
  const { prometheus } = yield* Stack
  const json: unknown = yield* Effect.promise(async (signal) =>
    (await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`, { signal })).json()
  )
  const { data } = yield* Effect.orDie(Schema.decodeUnknownEffect(Vector)(json))
  return Option.fromNullishOr(data.result[0]?.value[1])
})

/** Waits until Prometheus has seen the server twice: what is counted before that shows no increase. */
const seen = query('up{job="parley"} == 1 and count_over_time(up{job="parley"}[1m]) > 2').pipe(
  Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced("200 millis") })
)

const word = {
  firing: { pagerduty: "trigger", others: "Firing since" },
  resolved: { pagerduty: "resolve", others: "Resolved" }
}

/** Everybody hears of it, in their own words. */
const everybodyHears = (alert: string, status: "firing" | "resolved") =>
  Effect.flatMap(Channels, ({ heard }) =>
    Effect.forEach(channels, (channel) => {
      if (channel === "pagerduty") return heard(channel, alert, `"event_action":"${word[status].pagerduty}"`)
      return channel === "webhook"
        ? heard(channel, alert, `"status":"${status}"`)
        : heard(channel, alert, word[status].others)
    })
  )

const World = Stack.layer.pipe(
  Layer.provideMerge(Layer.merge(App.layer, Channels.layer)),
  Layer.provideMerge(NodeServices.layer)
)

layer(World, { excludeTestServices: true })("alerts", (it) => {
  it.effect("arrive at all: the heartbeat beats", () =>
    Effect.gen(function* () {
      const { arrived, heard } = yield* Channels
      const summary = "Alerts arrive"
      yield* heard("heartbeat", "Watchdog", summary)
      const beats = () => arrived.filter(({ channel }) => channel === "heartbeat").length
      const before = beats()
      yield* Effect.repeat(Effect.sleep("100 millis"), { until: () => beats() > before })
      // And goes nowhere else.
      assert.isEmpty(arrived.filter(({ channel, text }) => channel !== "heartbeat" && text.includes(summary)))
    })
  )

  it.effect("know every metric of the server by its name", () =>
    Effect.gen(function* () {
      yield* seen
      const rules = yield* read
      const names = new Set(
        [...alertsOf(rules), ...recordingsOf(rules)].flatMap(({ expr }) =>
          [
            ...expr
              .replaceAll(/\{[^}]*\}|\bby \([^)]*\)|parley:[\w:]+/gu, "")
              .matchAll(/\b[a-z]+(?:_[a-z0-9]+)+\b(?! ?\()/gu)
          ].map(([name]) => name)
        )
      )
      assert.includeMembers([...names], ["payments_total", "llm_cost_today_euros", "auth_events_total"])
      const missing: Array<string> = []
      for (const name of names) if (Option.isNone(yield* query(`count(${name})`))) missing.push(name)
      assert.deepStrictEqual(missing, [])
    })
  )

  it.effect("tell everybody of a refresh token that was used twice", () =>
    Effect.gen(function* () {
      yield* seen
      const { register, refresh } = yield* App
      const stolen = yield* register
      // Somebody else was first, and its owner comes with what it had.
      assert.strictEqual((yield* refresh(stolen)).status, 200)
      assert.strictEqual((yield* refresh(stolen)).status, 401)
      const [email, slack, pagerduty, webhook] = yield* everybodyHears("RefreshTokenReuseDetected", "firing")
      assert.include(email?.text, "Subject: [critical] RefreshTokenReuseDetected: A refresh token was used twice")
      assert.include(email?.text, "RUNBOOKS.md#refreshtokenreusedetected")
      assert.include(slack?.text, '"color":"danger"')
      assert.include(pagerduty?.text, '"routing_key":"the-key-of-the-service"')
      assert.include(webhook?.text, '"category":"security"')
    })
  )

  it.effect("tell everybody that the server is down, and that it is back", () =>
    Effect.gen(function* () {
      const { start, stop } = yield* App
      const { forget } = yield* Channels
      // In this world Prometheus takes minutes to find its targets when it starts, which it may have told.
      yield* forget
      yield* stop
      const [email] = yield* everybodyHears("ApiDown", "firing")
      assert.include(email?.text, "Subject: [critical] ApiDown: Parley does not answer")
      yield* forget
      yield* start
      yield* everybodyHears("ApiDown", "resolved")
    })
  )

  it.effect("tell everybody of the token's end, half an hour later", () =>
    everybodyHears("RefreshTokenReuseDetected", "resolved")
  )
})
