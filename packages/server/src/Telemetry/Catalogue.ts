/**
 * Every metric: its name, what it counts, its labels, its buckets. Names are those of Prometheus and of OpenTelemetry's
 * semantic conventions; alerts and dashboards know them. A label has few values, known here or at boot: never an id, an
 * address, a path or a text.
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client"

export const turnModes = ["json", "stream"] as const
export type TurnMode = (typeof turnModes)[number]

/**
 * `answered`: stored. `repeated`: the stored answer of a message that had one. `refused`: before a model was asked (busy
 * session, spent budget, what is not there). `cancelled`: by its client, another request or the end of the server.
 * `model_failed`: no model answered. `failed`: everything else, such as a database that is away.
 */
export const turnOutcomes = ["answered", "repeated", "refused", "cancelled", "model_failed", "failed"] as const
export type TurnOutcome = (typeof turnOutcomes)[number]

/** What a model call fails with that may be answered another time, and so is asked again. */
export const transientErrors = [
  "timeout",
  "connection",
  "rate_limited",
  "unavailable",
  "server_error",
  "conflict",
  "cut_short",
  "empty_answer"
] as const

/** What a model call ends with when there is no answer; `cancelled` is not the model's fault. */
export const modelErrors = [
  ...transientErrors,
  "quota",
  "unauthorized",
  "refused",
  "context_overflow",
  "content_filter",
  "cut_off",
  "cancelled"
] as const
export type ModelError = (typeof modelErrors)[number]

export const tokenTypes = ["input", "output"] as const

/**
 * What money was spent on: answers that were stored, summaries that were made; or in vain, on calls that had to be made
 * again (`retried`), and on turns and summaries that `failed` or were `cancelled`.
 */
export const costKinds = ["answer", "summary", "retried", "failed", "cancelled"] as const
export type CostKind = (typeof costKinds)[number]

export const authOutcomes = {
  register: ["success", "email_taken"],
  login: ["success", "failure", "delayed"],
  refresh: ["success", "failure", "reuse_detected"],
  logout: ["success", "everywhere"],
  email_change: ["success", "failure", "delayed", "email_taken"],
  password_change: ["success", "failure", "delayed"],
  deletion: ["success", "failure", "delayed"],
  export: ["success"]
} as const
export type AuthEvent = keyof typeof authOutcomes
export type AuthOutcome = (typeof authOutcomes)[AuthEvent][number]

export const limitDecisions = ["allowed", "limited"] as const

/** The first word of a statement. Ours often begin with `WITH`, and may then write, too. */
export const statements = [
  "select",
  "insert",
  "update",
  "delete",
  "with",
  "begin",
  "commit",
  "rollback",
  "other"
] as const
export type Statement = (typeof statements)[number]

export const paymentStatuses = ["failed", "succeeded", "refunded"] as const
export type PaymentStatus = (typeof paymentStatuses)[number]

export const subscriptionEvents = ["created", "updated", "cancelled"] as const
export type SubscriptionEvent = (typeof subscriptionEvents)[number]

export const costStatistics = ["avg", "p50", "p95", "max"] as const
export const costThresholds = ["target", "limit"] as const
export const activityWindows = ["day", "week", "month"] as const

/** Of nodejs_gc_duration_seconds, which prom-client brings. */
export const garbageKinds = ["major", "minor", "incremental", "weakcb"] as const

/** Those of RFC 9110 and PATCH; others are `_OTHER`, as OpenTelemetry has it. */
const methods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"])
export const methodLabel = (method: string): string => (methods.has(method) ? method : "_OTHER")

const httpSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const turnSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300]
const overheadSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300]
const modelSeconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
const tokens = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]
const statementSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** No label of any metric: prom-client's types want those of exemplars among the labels. */
export type ExemplarLabel = "trace_id"

/** All of them, in a registry that has none yet. */
export const make = (registry: Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>) => {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, ...labelNames: ReadonlyArray<L>) =>
    new Counter<L>({ name, help, labelNames: [...labelNames], registers })
  const gauge = <L extends string>(name: string, help: string, ...labelNames: ReadonlyArray<L>) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers })
  /** For a name that ends as only those of histograms may, to promtool: which does not look at the names of such. */
  const untyped = <L extends string>(name: string, help: string, ...labelNames: ReadonlyArray<L>) =>
    Object.assign(gauge(name, help, ...labelNames), { type: "unknown" })
  const histogram = <L extends string>(
    name: string,
    help: string,
    buckets: ReadonlyArray<number>,
    ...labelNames: ReadonlyArray<L>
  ) =>
    new Histogram<L | ExemplarLabel>({
      name,
      help,
      labelNames: [...labelNames],
      buckets: [...buckets],
      enableExemplars: true,
      registers
    })

  return {
    httpDuration: histogram(
      "http_server_request_duration_seconds",
      "From a request's headers until its response begins, which of a stream is its first event.",
      httpSeconds,
      "http_request_method",
      "http_route",
      "http_response_status_code"
    ),
    httpActive: gauge("http_server_active_requests", "Requests under way, streams until they end."),
    streamsActive: gauge("chat_streams_active", "Streams of server-sent events that are open."),
    turnDuration: histogram(
      "chat_turn_duration_seconds",
      "Turns, from the request for their lease until all is stored.",
      turnSeconds,
      "mode",
      "outcome"
    ),
    turnOverhead: histogram(
      "chat_turn_overhead_seconds",
      "Of answered turns, the time in which neither a model (pauses between attempts included) nor a tool was at work.",
      overheadSeconds
    ),
    modelDuration: histogram(
      "gen_ai_client_operation_duration_seconds",
      "Requests to a model, one for each attempt, until the answer is whole.",
      modelSeconds,
      "gen_ai_request_model",
      "error_type"
    ),
    modelFirstChunk: histogram(
      "gen_ai_client_operation_time_to_first_chunk_seconds",
      "Requests to a model, until the first piece of the answer.",
      modelSeconds,
      "gen_ai_request_model"
    ),
    modelTokens: histogram(
      "gen_ai_client_token_usage",
      "Tokens of each request to a model.",
      tokens,
      "gen_ai_request_model",
      "gen_ai_token_type"
    ),
    retries: counter("llm_retries_total", "Further attempts at a model, by what the one before failed with.", "reason"),
    fallbacks: counter("llm_fallbacks_total", "Questions that went on to the next model.", "from", "to"),
    cost: counter(
      "llm_cost_euros_total",
      "Euros spent on model calls, by what came of them.",
      "gen_ai_request_model",
      "kind"
    ),
    costToday: gauge("llm_cost_today_euros", "Euros spent on model calls since midnight, UTC."),
    dailyBudget: gauge("llm_daily_budget_euros", "LLM_DAILY_BUDGET_EUR."),
    costPerUser: gauge(
      "llm_cost_per_active_user_euros",
      "What this month will have cost at its end, of users it has cost anything so far.",
      "stat"
    ),
    usersOverCost: gauge(
      "llm_users_over_cost",
      "Users whose month has cost USER_MONTHLY_TARGET_EUR or USER_MONTHLY_LIMIT_EUR already.",
      "threshold"
    ),
    authEvents: counter("auth_events_total", "What the audit log tells.", "event", "outcome"),
    limitDecisions: counter(
      "rate_limit_decisions_total",
      "Requests that were counted against a limit.",
      "limit",
      "decision"
    ),
    limitStoreErrors: counter(
      "rate_limit_store_errors_total",
      "Times that Redis did not count a request; it was counted on this server alone."
    ),
    connections: untyped(
      "db_client_connection_count",
      "Connections to the database. Idle are those that were in use within the last minute.",
      "state"
    ),
    pendingRequests: gauge(
      "db_client_connection_pending_requests",
      "Statements and transactions that wait for a connection."
    ),
    statementDuration: histogram(
      "db_client_operation_duration_seconds",
      "Statements, once they have a connection.",
      statementSeconds,
      "operation"
    ),
    payments: counter("payments_total", "Payments that came to a status, each once.", "status"),
    paymentsAmount: counter(
      "payments_amount_euros_total",
      "Euros of payments that succeeded, whether refunded later or not."
    ),
    subscriptionEvents: counter("subscription_events_total", "What happened to subscriptions.", "event"),
    subscriptions: gauge("subscriptions_active", "Subscriptions that are paid for, by plan.", "plan"),
    mrr: gauge("revenue_mrr_euros", "Monthly recurring revenue."),
    arr: gauge("revenue_arr_euros", "Annual recurring revenue."),
    arrTarget: gauge("revenue_arr_target_euros", "REVENUE_ARR_TARGET_EUR."),
    usersActive: gauge("users_active", "Users with a turn in the last day, 7 days and 30 days.", "window"),
    usersRegistered: counter("users_registered_total", "Accounts that were opened."),
    businessFreshness: gauge(
      "business_metrics_last_success_timestamp_seconds",
      "When the gauges that are counted in the database were last counted; 0 before this server knows of any."
    ),
    build: gauge("app_build_info", "Always 1.", "version")
  }
}
export type Catalogue = ReturnType<typeof make>
