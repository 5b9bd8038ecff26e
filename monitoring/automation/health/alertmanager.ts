/** Whether alerts arrive: Alertmanager, and the alert that always fires on its way through it. */
import { DateTime, Duration, Effect, Option, Schema } from "effect"
import { parse } from "yaml"
import * as Alertmanager from "../Alertmanager.ts"
import { Prometheus } from "../Prometheus.ts"
import { NotAnswered } from "../Asked.ts"
import { settings } from "../settings.ts"
import { type Check, critical, ok, prometheusTodo, runbook, unlessTooEarly, warning } from "./Check.ts"

const todo = `make monitoring-start, and is ALERTMANAGER_URL right? ${runbook("watchdog")}`

const Configuration = Schema.Struct({
  receivers: Schema.Array(
    Schema.StructWithRest(Schema.Struct({ name: Schema.String }), [Schema.Record(Schema.String, Schema.Unknown)])
  )
})

/** Receivers that tell anybody anything; those without an address are there for the routes alone. */
const receivers = Effect.gen(function* () {
  const { config } = yield* Alertmanager.status
  const { alertmanager } = yield* settings
  const { receivers } = yield* Effect.mapError(
    Schema.decodeUnknownEffect(Configuration)(parse(config.original)),
    () => new NotAnswered({ url: alertmanager.url, reason: "has no configuration, or none with receivers" })
  )
  const tells = (value: unknown) => Array.isArray(value) && value.length > 0
  return receivers.map((receiver) => ({
    name: receiver.name,
    isOn: Object.entries(receiver).some(([key, value]) => key.endsWith("_configs") && tells(value))
  }))
})

const ready = Effect.gen(function* () {
  const status = yield* Alertmanager.ready
  if (status !== 200) return critical(`/-/ready answered ${status}`, todo)
  const { cluster } = yield* Alertmanager.status
  if (cluster.status === "settling") return warning("is still looking for its cluster", "look again in a minute")
  return ok(cluster.status === "disabled" ? "ready, alone" : `ready, one of ${cluster.peers?.length ?? 0} in a cluster`)
})

const configured = Effect.gen(function* () {
  const prometheus = yield* Prometheus
  const all = yield* receivers
  const on = all.filter(({ isOn, name }) => isOn && name !== "heartbeat").map(({ name }) => name)
  const reloaded = yield* prometheus.value("min(alertmanager_config_last_reload_successful)")
  if (Option.contains(reloaded, 0)) {
    return critical(
      "could not read its configuration again, and goes on with the old one",
      "amtool check-config says what is wrong"
    )
  }
  if (on.length > 0) return ok(`tells by ${on.join(", ")}`)
  return warning("tells nobody: no receiver has an address", "monitoring/QUICK_START.md#4-be-told-of-it-5-minutes")
})

const known = Effect.gen(function* () {
  const found = yield* (yield* Prometheus).alertmanagers
  return found.length === 0
    ? yield* unlessTooEarly(
        critical(
          "Prometheus knows no Alertmanager",
          `its configuration names none that answers. ${runbook("watchdog")}`
        )
      )
    : ok(`Prometheus tells ${found.length === 1 ? "one Alertmanager" : `${found.length} Alertmanagers`}`)
})

/** Longer than Prometheus waits before it repeats an alert, with some room. */
const latestMillis = Duration.toMillis("5 minutes")

const minutes = (millis: number) =>
  millis < 120_000 ? `${Math.round(millis / 1000)} s` : `${Math.round(millis / 60_000)} min`

const arrives = Effect.gen(function* () {
  const [alert] = yield* Alertmanager.alerts("Watchdog")
  const now = yield* DateTime.now
  if (alert === undefined) {
    return yield* unlessTooEarly(critical("Alertmanager has no Watchdog from Prometheus", runbook("watchdog")))
  }
  const age = Math.max(0, DateTime.toEpochMillis(now) - DateTime.toEpochMillis(alert.updatedAt))
  return age > latestMillis
    ? critical(`Prometheus last sent it ${minutes(age)} ago`, runbook("watchdog"))
    : ok(`Prometheus sent it ${minutes(age)} ago`)
})

// Each try: a notification counts as failed only when Alertmanager has given it up, minutes later.
const sent = "alertmanager_notification_requests_total"
const failed = "alertmanager_notification_requests_failed_total"
const webhook = `{integration="webhook"}`
const increase = (metric: string, window: string) => `sum(increase(${metric}${webhook}[${window}]))`
const succeeded = (window: string) => `(${increase(sent, window)} - (${increase(failed, window)} or vector(0)))`

/** When a webhook last took a notification, to half a minute. The heartbeat is one, and takes one each minute. */
const lastSent = `max_over_time((time() * (${succeeded("2m")} > bool 0.5))[1h:30s]) > 0`

const heartbeat = Effect.gen(function* () {
  const prometheus = yield* Prometheus
  const receiver = (yield* receivers).find(({ name }) => name === "heartbeat")
  if (receiver?.isOn !== true) {
    return warning(
      "nobody would notice the end of monitoring: there is no heartbeat",
      "monitoring/QUICK_START.md#4-be-told-of-it-5-minutes"
    )
  }
  const last = yield* prometheus.value(`time() - (${lastSent})`)
  if (Option.isSome(last)) {
    const age = Math.max(0, last.value * 1000)
    return age > latestMillis
      ? critical(`the last heartbeat went out ${minutes(age)} ago`, runbook("watchdog"))
      : ok(`a heartbeat went out within the last ${minutes(age + 120_000)}`)
  }
  const attempts = Option.getOrElse(yield* prometheus.value(`sum(${sent}${webhook})`), () => 0)
  const failures = Option.getOrElse(yield* prometheus.value(`sum(${failed}${webhook})`), () => 0)
  // Before, nobody could have seen one.
  const isWatched = Option.isSome(yield* prometheus.value(`sum(${sent}${webhook} offset 5m)`))
  return isWatched || (attempts > 0 && failures >= attempts)
    ? critical(
        `none arrives: ${failures} of ${attempts} tries by webhook failed`,
        `is secrets/heartbeat-url right? ${runbook("watchdog")}`
      )
    : warning("none has gone out yet", "look again in two minutes")
})

/** By other channels than the heartbeat's, too. */
const notifications = Effect.gen(function* () {
  const prometheus = yield* Prometheus
  const lost = yield* prometheus.instant(
    "sum by (integration) (increase(alertmanager_notifications_failed_total[15m])) > 0.5"
  )
  if (lost.length === 0) return ok("none failed in 15 min")
  return lost.map(({ labels, value }) =>
    warning(
      `${Math.round(value)} by ${labels["integration"]} failed in 15 min`,
      `its secret or address is out of date. ${runbook("watchdog")}`
    )
  )
})

export const checks: ReadonlyArray<Check> = [
  { name: "Alertmanager", todo, look: ready },
  { name: "Alertmanager configuration", todo, look: configured },
  { name: "Alertmanager known", todo: prometheusTodo, look: known },
  { name: "Notifications", todo: prometheusTodo, look: notifications },
  { name: "Watchdog", todo, look: arrives },
  { name: "Heartbeat", todo, look: heartbeat }
]
