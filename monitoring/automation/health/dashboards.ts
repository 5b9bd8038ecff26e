/** Every expression of every dashboard, asked of Prometheus. */
import { Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { decode, expanded, expressions } from "../../grafana/Dashboard.ts"
import { histograms, others } from "../../grafana/metricNames.ts"
import { Prometheus } from "../Prometheus.ts"
import { type Check, critical, ok, prometheusTodo as todo, type Seen, unlessTooEarly, warning } from "./Check.ts"
import type { At } from "./prometheus.ts"

const folder = fileURLToPath(new URL("../../grafana/dashboards/", import.meta.url))

/** Four scrapes of fifteen seconds. */
const rateInterval = "1m"

/** These come with the first fallback and the first subscription. */
const mayBeMissing = new Set(["llm_fallbacks_total", "subscriptions_active"])

/** A panel may well be empty, when nothing has happened yet; a metric that nobody has heard of is another thing. */
const metrics = [
  ...Object.keys(others).filter((name) => !mayBeMissing.has(name)),
  ...Object.keys(histograms).map((name) => `${name}_count`)
]

const committed = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* fs.readDirectory(folder)).filter((name) => name.endsWith(".json"))
  return yield* Effect.forEach(names.toSorted(), (name) =>
    Effect.flatMap(fs.readFileString(`${folder}${name}`), decode)
  )
})

const asked = (at: At) =>
  Effect.gen(function* () {
    const prometheus = yield* Prometheus
    const boards = yield* committed
    const queries = boards.flatMap((board) =>
      expressions(board).map(({ expr, panel }) => ({
        name: `${board.title}, ${panel}`,
        query: expanded(expr, { rateInterval, range: board.time.from.replace("now-", "") })
      }))
    )
    const refused = yield* Effect.forEach(
      queries,
      ({ name, query }) =>
        prometheus.instant(query, at).pipe(
          Effect.as([]),
          Effect.catchTag("QueryRefused", ({ reason }) =>
            Effect.succeed([critical(`${name}: ${reason}`, "mend the panel; make monitoring-dashboards")])
          )
        ),
      { concurrency: 4 }
    )
    const heard = yield* prometheus.instant(`count by (__name__) ({__name__=~"${metrics.join("|")}"})`, at)
    const names = new Set(heard.map(({ labels }) => labels["__name__"]))
    const missing = metrics.filter((name) => !names.has(name))
    const few = `${missing.slice(0, 3).join(", ")}${missing.length > 3 ? ` and ${missing.length - 3} more` : ""}`
    const empty = warning(
      `no data of ${few}`,
      "panels of these are empty: are all targets scraped, by rules and servers of this version?"
    )
    const found: ReadonlyArray<Seen> = [
      ...refused.flat(),
      ...(missing.length === 0 ? [] : [at === undefined ? yield* unlessTooEarly(empty) : empty])
    ]
    return found.length === 0 ? ok(`${queries.length} queries of ${boards.length} are answered`) : found
  })

export const check = (at: At): Check => ({ name: "Dashboards", todo, look: asked(at) })
