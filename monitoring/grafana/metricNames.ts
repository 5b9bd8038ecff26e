/**
 * The metrics that dashboards may speak of, and the labels of each. A test scrapes the server, Prometheus and Alertmanager,
 * and wants every one of them there.
 */

/** A histogram's series are its `_bucket`, `_sum` and `_count`. */
export const histograms: Readonly<Record<string, ReadonlyArray<string>>> = {
  http_server_request_duration_seconds: ["http_request_method", "http_route", "http_response_status_code"],
  chat_turn_duration_seconds: ["mode", "outcome"],
  chat_turn_overhead_seconds: [],
  gen_ai_client_operation_duration_seconds: ["gen_ai_request_model", "error_type"],
  gen_ai_client_operation_time_to_first_chunk_seconds: ["gen_ai_request_model"],
  gen_ai_client_token_usage: ["gen_ai_request_model", "gen_ai_token_type"],
  db_client_operation_duration_seconds: ["operation"],
  nodejs_gc_duration_seconds: ["kind"]
}

export const others: Readonly<Record<string, ReadonlyArray<string>>> = {
  up: [],
  http_server_active_requests: [],
  chat_streams_active: [],
  llm_retries_total: ["reason"],
  llm_fallbacks_total: ["from", "to"],
  llm_cost_euros_total: ["gen_ai_request_model", "kind"],
  llm_cost_today_euros: [],
  llm_daily_budget_euros: [],
  llm_cost_per_active_user_euros: ["stat"],
  llm_users_over_cost: ["threshold"],
  auth_events_total: ["event", "outcome"],
  rate_limit_decisions_total: ["limit", "decision"],
  rate_limit_store_errors_total: [],
  db_client_connection_count: ["state"],
  db_client_connection_pending_requests: [],
  payments_total: ["status"],
  payments_amount_euros_total: [],
  subscriptions_active: ["plan"],
  subscription_events_total: ["event"],
  revenue_mrr_euros: [],
  revenue_arr_euros: [],
  revenue_arr_target_euros: [],
  users_active: ["window"],
  users_registered_total: [],
  business_metrics_last_success_timestamp_seconds: [],
  app_build_info: ["version"],
  process_cpu_seconds_total: [],
  process_resident_memory_bytes: [],
  process_open_fds: [],
  process_max_fds: [],
  nodejs_eventloop_lag_p50_seconds: [],
  nodejs_eventloop_lag_p99_seconds: [],
  nodejs_heap_size_used_bytes: [],
  nodejs_heap_size_total_bytes: [],

  ALERTS: ["alertname", "alertstate", "severity", "category"],
  ALERTS_FOR_STATE: ["alertname", "severity", "category"],
  prometheus_notifications_alertmanagers_discovered: [],
  prometheus_notifications_sent_total: [],
  prometheus_notifications_errors_total: [],
  prometheus_notifications_dropped_total: [],
  prometheus_rule_evaluation_failures_total: ["rule_group"],
  prometheus_rule_group_last_evaluation_timestamp_seconds: ["rule_group"],
  alertmanager_notifications_total: ["integration"],
  alertmanager_notifications_failed_total: ["integration"],
  alertmanager_alerts: ["state"],
  alertmanager_silences: ["state"]
}

/** Of every series that is scraped. */
const everywhere = ["job", "instance"]

/** The labels of the series of that name, if there is one. */
export const labelsOf = (series: string): ReadonlyArray<string> | undefined => {
  const [, histogram = "", part] = /^(.*)_(bucket|sum|count)$/u.exec(series) ?? []
  const labels = others[series] ?? histograms[histogram]
  return labels === undefined ? undefined : [...labels, ...(part === "bucket" ? ["le"] : []), ...everywhere]
}
