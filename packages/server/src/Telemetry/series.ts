/** Which series there are, before anything has happened and when the database was asked. A counter must begin at 0: what it begins with shows no increase. */
import { limitNames } from "@parley/domain/Limits"
import { version } from "@parley/domain/Api"
import type { BusinessNumbers } from "./BusinessNumbers.ts"
import * as Catalogue from "./Catalogue.ts"

/** Every combination of labels that is known without settings. */
export const begin = (all: Catalogue.Catalogue): void => {
  all.build.set({ version }, 1)
  for (const mode of Catalogue.turnModes) {
    for (const outcome of Catalogue.turnOutcomes) all.turnDuration.zero({ mode, outcome })
  }
  for (const reason of Catalogue.transientErrors) all.retries.inc({ reason }, 0)
  for (const [event, outcomes] of Object.entries(Catalogue.authOutcomes)) {
    for (const outcome of outcomes) all.authEvents.inc({ event, outcome }, 0)
  }
  for (const limit of limitNames) {
    for (const decision of Catalogue.limitDecisions) all.limitDecisions.inc({ limit, decision }, 0)
  }
  for (const exporter of Catalogue.exporters) all.spansLost.inc({ exporter }, 0)
  for (const status of Catalogue.paymentStatuses) all.payments.inc({ status }, 0)
  for (const event of Catalogue.subscriptionEvents) all.subscriptionEvents.inc({ event }, 0)
  for (const operation of Catalogue.statements) all.statementDuration.zero({ operation })
  // Not known yet, which is not the same as nothing.
  for (const gauge of [all.costToday, all.mrr, all.arr]) gauge.set(Number.NaN)
}

/** Every combination of labels with these models, each of which is the fallback of the one before. */
export const beginModels = (all: Catalogue.Catalogue, models: ReadonlyArray<string>): void => {
  for (const [index, model] of models.entries()) {
    const labels = { gen_ai_request_model: model }
    all.modelDuration.zero(labels)
    for (const error_type of Catalogue.modelErrors) all.modelDuration.zero({ ...labels, error_type })
    all.modelFirstChunk.zero(labels)
    for (const type of Catalogue.tokenTypes) all.modelTokens.zero({ ...labels, gen_ai_token_type: type })
    for (const kind of Catalogue.costKinds) all.cost.inc({ ...labels, kind }, 0)
    const from = models[index - 1]
    if (from !== undefined) all.fallbacks.inc({ from, to: model }, 0)
  }
}

/** What the API may fail with anywhere, and what only a model brings about. */
const failures = ["500", "503"]
const failuresOfModels = ["502", "504"]
const isOfApi = /^\/(?:api|v1)\//u
const asksModels = /\/chat(?:\/stream|\/completions)?$/u

/** To be called before each response is counted: with the first of a route its failures begin, at 0. */
export const routes = (all: Catalogue.Catalogue) => {
  const begun = new Set<string>()
  return (http_request_method: string, http_route: string): void => {
    const key = `${http_request_method} ${http_route}`
    if (begun.has(key) || !isOfApi.test(http_route)) return
    begun.add(key)
    for (const http_response_status_code of asksModels.test(http_route)
      ? [...failures, ...failuresOfModels]
      : failures) {
      all.httpDuration.zero({ http_request_method, http_route, http_response_status_code })
    }
  }
}

/** So many plans get a series of their own, those with the most subscriptions; the rest are `other`. */
const maxPlans = 20

export const setBusiness = (all: Catalogue.Catalogue, numbers: BusinessNumbers, countedAtMillis: number): void => {
  all.costToday.set(numbers.costTodayEur)
  for (const stat of Catalogue.costStatistics) {
    all.costPerUser.set({ stat }, numbers.costPerActiveUserEur[stat] ?? Number.NaN)
  }
  for (const threshold of Catalogue.costThresholds)
    all.usersOverCost.set({ threshold }, numbers.usersOverCost[threshold])
  for (const window of Catalogue.activityWindows) all.usersActive.set({ window }, numbers.usersActive[window])
  const plans = Object.entries(numbers.subscriptions).toSorted(([, a], [, b]) => b - a)
  all.subscriptions.reset()
  for (const [plan, count] of plans.slice(0, maxPlans)) all.subscriptions.set({ plan }, count)
  for (const [, count] of plans.slice(maxPlans)) all.subscriptions.inc({ plan: "other" }, count)
  all.mrr.set(numbers.mrrEur)
  all.arr.set(numbers.arrEur)
  all.businessFreshness.set(countedAtMillis / 1000)
}
