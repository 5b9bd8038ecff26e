import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { alertsOf, directory, hasten, read, recordingsOf, thresholdsIn } from "./rules.ts"

/** Group, alert, `for`, severity. */
const contract = [
  ["parley-cost", "UserCostAboveThreshold", "15m", "critical"],
  ["parley-cost", "UserCostAboveTarget", "6h", "warning"],
  ["parley-cost", "LlmSpendSpike", "10m", "warning"],
  ["parley-cost", "LlmDailyBudgetExceeded", "0", "critical"],
  ["parley-business", "PaymentSuccessRateLow", "10m", "critical"],
  ["parley-business", "AnnualRecurringRevenueDropping", "1h", "warning"],
  ["parley-business", "BusinessMetricsStale", "5m", "warning"],
  ["parley-performance", "ApiDown", "1m", "critical"],
  ["parley-performance", "ApiLatencyHigh", "5m", "critical"],
  ["parley-performance", "ApiErrorBudgetBurn", "2m", "critical"],
  ["parley-performance", "ApiErrorBudgetBurn", "15m", "warning"],
  ["parley-performance", "LlmUpstreamFailing", "5m", "critical"],
  ["parley-security", "LoginFailureSpike", "5m", "warning"],
  ["parley-security", "RefreshTokenReuseDetected", "0", "critical"],
  ["parley-security", "RateLimitRejectionsHigh", "10m", "warning"],
  ["parley-watchdog", "Watchdog", "0", "none"]
]

const dashboards = ["parley-overview", "parley-costs", "parley-business", "parley-performance", "parley-alerts"]

/** As a page of Markdown is linked to. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/gu, "")
    .replaceAll(" ", "-")

layer(NodeServices.layer)("the alerts", (it) => {
  const alerts = Effect.map(read, alertsOf)

  it.effect("are 14 in four groups, and the watchdog", () =>
    Effect.map(alerts, (found) =>
      assert.deepStrictEqual(
        found.map(({ alert, for: pending = "0", group, labels }) => [group, alert, pending, labels["severity"]]),
        contract
      )
    )
  )

  it.effect("say what they are about, and where to look", () =>
    Effect.map(alerts, (found) => {
      for (const { alert, annotations, group, labels } of found) {
        assert.deepStrictEqual(Object.keys(labels).toSorted(), ["category", "severity"], alert)
        assert.strictEqual(`parley-${labels["category"]}`, group, alert)
        assert.hasAllKeys(annotations, ["summary", "description", "runbook_url", "dashboard_uid"], alert)
        assert.include(dashboards, annotations["dashboard_uid"], alert)
      }
    })
  )

  it.effect("have a page in RUNBOOKS.md with meaning, impact, diagnosis and mitigation", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const text = yield* fs.readFileString(`${directory}/../RUNBOOKS.md`)
      const pages = new Map(
        text
          .split(/^## /mu)
          .slice(1)
          .map((page) => [anchorOf(page.slice(0, page.indexOf("\n"))), page])
      )
      for (const { alert, annotations } of yield* alerts) {
        const [file, anchor = ""] = (annotations["runbook_url"] ?? "").split("#")
        assert.strictEqual(file, "monitoring/RUNBOOKS.md", alert)
        const page = pages.get(anchor)
        assert.isDefined(page, `${alert}: #${anchor}`)
        for (const part of ["Meaning", "Impact", "Diagnosis", "Mitigation"]) {
          assert.include(page, `**${part}**`, alert)
        }
      }
    })
  )

  it.effect("have a file of tests each", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const tests = (yield* fs.readDirectory(`${directory}/tests`)).join(" ")
      for (const { alert } of yield* alerts) assert.include(tests, `${alert}.yml`)
    })
  )

  it.effect("compare with thresholds that stand in one file, each of which is used", () =>
    Effect.gen(function* () {
      const rules = yield* read
      const isThreshold = (name: string) => name.startsWith("parley:threshold:")
      const used = alertsOf(rules).flatMap(({ annotations, expr }) => [
        ...thresholdsIn(expr),
        // Texts speak of them, too.
        ...Object.values(annotations).flatMap(thresholdsIn)
      ])
      const recorded = recordingsOf(rules).map(({ record }) => record)
      assert.deepStrictEqual([...new Set(used)].toSorted(), recorded.filter(isThreshold).toSorted())
      // A number in a comparison would be another place.
      for (const { alert, expr } of alertsOf(rules)) {
        assert.notMatch(expr, /[<>]=?\s*(?!0\b)\d/u, alert)
      }
    })
  )

  it.effect("use no series of rules that there are not", () =>
    Effect.map(read, (rules) => {
      const recorded = new Set(recordingsOf(rules).map(({ record }) => record))
      for (const { expr } of [...alertsOf(rules), ...recordingsOf(rules)]) {
        for (const [name] of expr.matchAll(/parley:[\w:]+/gu)) assert.isTrue(recorded.has(name), name)
      }
    })
  )
})

layer(NodeServices.layer)("a faster world", (it) => {
  it.effect("has shorter ranges, offsets and waits, and nothing else is another", () =>
    Effect.sync(() => {
      const yaml = "expr: sum(a:rate5m[5m]) > 5 offset 7d\nfor: 1m\nkeep_firing_for: 30m\nsummary: for 5m"
      assert.strictEqual(
        hasten(yaml, 60),
        "expr: sum(a:rate5m[5000ms]) > 5 offset 10080000ms\nfor: 1000ms\nkeep_firing_for: 30000ms\nsummary: for 5m"
      )
    })
  )
})
