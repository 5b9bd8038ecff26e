/** What expressions have in common. None of them knows which servers there are: they all count together. */

/** The name that Prometheus has for our servers. */
export const job = "parley"

/** What people ask of the API: probes and scrapes, which are quick and many, would make everything look better. */
export const api = `http_route=~"/(api|v1)/.*"`

/** The same, of the routes that were picked at the top of the dashboard. */
export const pickedRoutes = `${api}, http_route=~"$route"`

/** The share of requests that may fail. */
export const errorBudget = 0.005

const grouped = (by: string) => (by === "" ? "sum" : `sum by (${by})`)

/** Each second, now. */
export const rate = (metric: string, selector = "", by = "", window = "$__rate_interval") =>
  `${grouped(by)}(rate(${metric}{${selector}}[${window}]))`

/** How many in a time. */
export const increase = (metric: string, selector = "", by = "", window = "$__range") =>
  `${grouped(by)}(increase(${metric}{${selector}}[${window}]))`

/** Servers that began within so many seconds, or were watched when these began: what they have counted since is known. */
const known = (seconds: number) => {
  const began = "process_start_time_seconds"
  return `on (job, instance) (min_over_time(${began}[${seconds}s]) > time() - ${seconds} or ${began} offset ${seconds}s)`
}

/**
 * What series began with that are new in a time: a server counts before Prometheus first asks it, and no increase shows
 * that. Of a server that is older than what Prometheus knows of it nobody can say when it counted that; and where a restart
 * has set a series back, the least of it is taken.
 */
const beginnings = (series: string, seconds: number) => {
  const first = `(min_over_time(${series}[${seconds}s]) unless ${series} offset ${seconds}s) and ${known(seconds)}`
  // The label keeps them apart from the increase of the same series, so that a sum has both.
  return `label_replace(${first}, "began", "with", "", "")`
}

/**
 * How many in so many seconds, from the first on. Of a server that was not restarted it is what its counters say; else, as
 * always with Prometheus, some more or less at both ends of the time.
 */
export const counts = (metric: string, selector: string, by: string, seconds: number) => {
  const series = `${metric}{${selector}}`
  const window = `${series}[${seconds}s]`
  const before = `(${series} offset ${seconds}s <= min_over_time(${window}) or min_over_time(${window}))`
  const exact = `last_over_time(${window}) - ${before} and resets(${window}) == 0 and ${known(seconds)}`
  return `${grouped(by)}(${exact} or increase(${window}) or ${beginnings(series, seconds)})`
}

/** Of a histogram, from the first on. */
export const quantileFromFirst = (q: number, metric: string, selector: string, seconds: number) => {
  const series = `${metric}_bucket{${selector}}`
  const buckets = `increase(${series}[${seconds}s]) or ${beginnings(series, seconds)}`
  return `histogram_quantile(${q}, sum by (le) (${buckets})) >= 0`
}

/**
 * The share of what is counted that is `part`. Where nothing is counted there is none, and it shows "no data"; where
 * something is, but nothing of that part has happened yet, it is 0, although there is no series of it.
 */
export const share = (part: string, whole: string) => `(${part} or 0 * ${whole}) / (${whole} > 0)`

/** Of a histogram; nothing where nothing was measured, which Prometheus would tell as NaN. */
export const quantile = (q: number, metric: string, selector = "", by = "", window = "$__rate_interval") => {
  const labels = by === "" ? "le" : `le, ${by}`
  return `histogram_quantile(${q}, ${rate(`${metric}_bucket`, selector, labels, window)}) >= 0`
}

export const median = 0.5

/**
 * What is counted in the database is the same on every server; the one that counted it last knows best, and what is not
 * known yet is NaN, which is not above 0.
 */
export const counted = (metric: string, selector = "", by = "") =>
  `max${by === "" ? "" : ` by (${by})`} (${metric}{${selector}} >= 0)`

export const requests = (selector = api, by = "", window?: string) =>
  rate("http_server_request_duration_seconds_count", selector, by, window)

export const failures = (selector = api, by = "", window?: string) =>
  requests(`${selector}, http_response_status_code=~"5.."`, by, window)

export const latency = (q: number, selector = api, by = "", window?: string) =>
  quantile(q, "http_server_request_duration_seconds", selector, by, window)

/** Model calls that brought no answer; who went away while it came is not the model's failure. */
export const modelFailures = (by = "") =>
  rate("gen_ai_client_operation_duration_seconds_count", `error_type!="", error_type!="cancelled"`, by)

export const modelCalls = (by = "") =>
  rate("gen_ai_client_operation_duration_seconds_count", `error_type!="cancelled"`, by)

/** What was paid for and brought nothing. */
export const wasted = `kind=~"retried|failed|cancelled"`

const payments = (status: string, window: string) => increase("payments_total", `status=~"${status}"`, "", window)
export const paymentSuccess = (window: string) =>
  share(payments("succeeded", window), payments("succeeded|failed", window))

/** Alerts that fire, but the one that always does. */
export const firing = `ALERTS{alertstate="firing", alertname!="Watchdog"}`

/** 0 only while the alert that always fires is there: else nobody knows, and there is no data. */
export const orNoneFiring = (expression: string) =>
  `${expression} or 0 * max(ALERTS{alertstate="firing", alertname="Watchdog"})`

/** How long a moment has gone by; the moment 0 is none. */
export const age = (moment: string) => `time() - max(${moment} > 0)`

/** Since servers have reported what is counted in the database. */
export const businessAge = age("business_metrics_last_success_timestamp_seconds")
