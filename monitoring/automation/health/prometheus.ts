/** What Prometheus sees: its targets, its rules, how old the numbers of the business are, and what fires. */
import { type DateTime, Effect, Option } from "effect"
import { alertsOf, read, recordingsOf } from "../../prometheus/rules.ts"
import { shortened } from "../Asked.ts"
import { Prometheus, type Series } from "../Prometheus.ts"
import {
  type Check,
  critical,
  ok,
  prometheusTodo as todo,
  runbook,
  type Seen,
  unlessTooEarly,
  warning
} from "./Check.ts"

/** A moment that has gone, or none: now. */
export type At = DateTime.Utc | undefined

const isOurs = (job: string | undefined) => job === "parley"

const targets = Effect.gen(function* () {
  const all = yield* (yield* Prometheus).targets
  const ill = all.filter(({ health }) => health !== "up")
  if (!all.some(({ labels }) => isOurs(labels["job"]))) {
    return yield* unlessTooEarly(
      critical("Prometheus scrapes no server of Parley", `set PARLEY_TARGETS. ${runbook("apidown")}`)
    )
  }
  if (ill.length === 0) return ok(`${all.length} up`)
  return ill.map(({ health, labels, lastError }): Seen => {
    const name = `${labels["job"]} at ${labels["instance"]}`
    if (health === "unknown") return warning(`${name} was not scraped yet`, "look again in half a minute")
    const seen = `${name} is down: ${shortened(lastError)}`
    return isOurs(labels["job"]) ? critical(seen, runbook("apidown")) : warning(seen, "is it running?")
  })
})

/** It was not there, or has forgotten. */
const unknown = warning("no data: Prometheus remembers nothing of that moment", "")

const up = (at: At) =>
  Effect.gen(function* () {
    const found = yield* (yield* Prometheus).instant("up", at)
    if (found.length === 0) return unknown
    const down = found.filter(({ value }) => value !== 1)
    if (!found.some(({ labels }) => isOurs(labels["job"]))) {
      return critical("Prometheus knew no server of Parley", runbook("apidown"))
    }
    if (down.length === 0) return ok(`${found.length} up`)
    return down.map(({ labels }): Seen => {
      const seen = `${labels["job"]} at ${labels["instance"]} was down`
      return isOurs(labels["job"]) ? critical(seen, runbook("apidown")) : warning(seen, "was it running?")
    })
  })

const inWords = (names: ReadonlyArray<string>) =>
  `${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`

const rules = Effect.gen(function* () {
  const committed = yield* read
  const groups = yield* (yield* Prometheus).rules
  const running = groups.flatMap(({ rules }) => rules)
  const has = (type: "alerting" | "recording") =>
    new Set(running.filter((rule) => rule.type === type).map(({ name }) => name))
  const [alerting, recording] = [has("alerting"), has("recording")]
  const alerts = new Set(alertsOf(committed).map(({ alert }) => alert))
  const records = new Set(recordingsOf(committed).map(({ record }) => record))
  const missing = [
    ...[...alerts].filter((name) => !alerting.has(name)),
    ...[...records].filter((name) => !recording.has(name))
  ]
  const restart = `make monitoring-stop, make monitoring-start. ${runbook("watchdog")}`
  if (missing.length > 0) return critical(`${missing.length} are not loaded: ${inWords(missing)}`, restart)
  const failing = running.filter(({ health }) => health === "err")
  if (failing.length > 0) {
    const [first] = failing
    return critical(
      `${inWords(failing.map(({ name }) => name))} cannot be evaluated: ${shortened(first?.lastError ?? "")}`,
      `mend the expression. ${runbook("watchdog")}`
    )
  }
  if (running.some(({ health }) => health === "unknown")) {
    return yield* unlessTooEarly(warning("some were not evaluated yet", "look again in half a minute"))
  }
  return ok(`${alerts.size} alerts and ${records.size} recordings are loaded and evaluated`)
})

/** Seconds that clocks may differ by. */
const furthestAhead = 60

const freshness = (at: At) =>
  Effect.gen(function* () {
    const prometheus = yield* Prometheus
    const age = yield* prometheus.value("time() - max(business_metrics_last_success_timestamp_seconds > 0)", at)
    const limit = yield* prometheus.value("max(parley:threshold:business_metrics_age_seconds)", at)
    if (Option.isNone(age)) {
      const missing = warning("no data: no server says when it counted", runbook("businessmetricsstale"))
      return at === undefined ? yield* unlessTooEarly(missing) : missing
    }
    if (age.value < -furthestAhead) {
      return warning(`counted ${Math.round(-age.value)} s in the future`, "are the clocks of the servers right?")
    }
    const seen = `counted ${Math.max(0, Math.round(age.value))} s ago`
    if (Option.isNone(limit)) return warning(`${seen}; no data of what is too old`, "are the rules loaded?")
    return age.value > limit.value
      ? warning(`${seen}; more than ${limit.value} s is too old`, runbook("businessmetricsstale"))
      : ok(seen)
  })

const severity = ({ labels }: Pick<Series, "labels">) => labels["severity"]

const firing = (at: At) =>
  Effect.gen(function* () {
    const prometheus = yield* Prometheus
    const all = yield* prometheus.instant(`ALERTS{alertstate="firing"}`, at)
    const bad = all.filter(({ labels }) => labels["alertname"] !== "Watchdog")
    if (all.length === 0 && at !== undefined) return unknown
    if (all.length === 0) {
      return yield* unlessTooEarly(critical("not even the Watchdog fires: no alert can", runbook("watchdog")))
    }
    if (bad.length === 0) return ok("none")
    return bad.map((alert): Seen => {
      const { alertname = "an alert", alertstate: _, severity: __, __name__: ___, ...labels } = alert.labels
      const rest = Object.entries(labels).flatMap(([key, value]) => (key === "category" ? [] : [`${key} ${value}`]))
      const seen = [`${alertname} fires`, ...rest].join(", ")
      const todo = runbook(alertname.toLowerCase())
      return severity(alert) === "critical" ? critical(seen, todo) : warning(seen, todo)
    })
  })

/** What can be told of a moment that has gone. */
export const checksAt = (at: At): ReadonlyArray<Check> => [
  { name: "Targets", todo, look: at === undefined ? targets : up(at) },
  { name: "Business metrics", todo, look: freshness(at) },
  { name: "Alerts", todo, look: firing(at) }
]

export const checksNow: ReadonlyArray<Check> = [{ name: "Rules", todo, look: rules }]
