/** Where the time goes: models, the database, the process itself. */
import type { Row } from "./Board.ts"
import { limits } from "./limits.ts"
import { lines } from "./panels.ts"
import * as q from "./queries.ts"

const model = "gen_ai_request_model"

export const models: Row = {
  id: 1003,
  title: "Models",
  panels: [
    lines({
      id: 30,
      title: "Model calls",
      description: "How long an attempt takes until its answer is whole, without those that failed.",
      unit: "s",
      queries: [0.5, 0.95].map((share) => ({
        expr: q.quantile(share, "gen_ai_client_operation_duration_seconds", `error_type=""`, model),
        legend: `p${share * 100} {{${model}}}`,
        exemplar: share === 0.95
      })),
      width: 8
    }),
    lines({
      id: 31,
      title: "First chunk",
      description: "How long until people see that something comes.",
      unit: "s",
      queries: [0.5, 0.95].map((share) => ({
        expr: q.quantile(share, "gen_ai_client_operation_time_to_first_chunk_seconds", "", model),
        legend: `p${share * 100} {{${model}}}`,
        exemplar: share === 0.95
      })),
      width: 8
    }),
    lines({
      id: 32,
      title: "Model calls that fail",
      description:
        "The share of attempts; the alert is at 10 %. The provider's status page, and whether the fallback helps.",
      unit: "percentunit",
      queries: [{ expr: q.share(q.modelFailures(model), q.modelCalls(model)), legend: `{{${model}}}` }],
      limits: limits.modelErrorShare,
      width: 8,
      more: "parley-costs"
    })
  ]
}

const database: Row = {
  id: 1004,
  title: "Database",
  panels: [
    lines({
      id: 40,
      title: "Statements, p95",
      description: "Once they have a connection, by what they begin with.",
      unit: "s",
      queries: [
        { expr: q.quantile(0.95, "db_client_operation_duration_seconds", "", "operation"), legend: "{{operation}}" }
      ],
      width: 8
    }),
    lines({
      id: 41,
      title: "Statements",
      description: "Each second.",
      unit: "ops",
      queries: [
        {
          expr: `${q.rate("db_client_operation_duration_seconds_count", "", "operation")} > 0`,
          legend: "{{operation}}"
        }
      ],
      stacked: true,
      width: 8
    }),
    lines({
      id: 42,
      title: "Connections",
      description:
        "Of POSTGRES_POOL_SIZE for each server. Pending for longer than a moment: statements are slow, or the pool is small.",
      unit: "short",
      queries: [
        { expr: "sum by (state) (db_client_connection_count)", legend: "{{state}}" },
        { expr: "sum(db_client_connection_pending_requests)", legend: "pending" }
      ],
      width: 8
    })
  ]
}

const node: Row = {
  id: 1005,
  title: "Process",
  panels: [
    lines({
      id: 50,
      title: "Event loop lag",
      description:
        "How late timers are, of the worst server. Tenths of a second: something computes for too long, and everything waits for it.",
      unit: "s",
      queries: ["p50", "p99"].map((share) => ({
        expr: `max(nodejs_eventloop_lag_${share}_seconds{job="${q.job}"})`,
        legend: share
      })),
      width: 8
    }),
    lines({
      id: 51,
      title: "Memory",
      description: "Of each server. A used heap that only rises over days is a leak.",
      unit: "bytes",
      queries: [
        { expr: `nodejs_heap_size_used_bytes{job="${q.job}"}`, legend: "{{instance}} heap used" },
        { expr: `nodejs_heap_size_total_bytes{job="${q.job}"}`, legend: "{{instance}} heap" },
        { expr: `process_resident_memory_bytes{job="${q.job}"}`, legend: "{{instance}} resident" }
      ],
      width: 8
    }),
    lines({
      id: 52,
      title: "Garbage collection",
      description:
        "The share of time that the program stands still for it. Above a few percent the heap is too small, or too much is made.",
      unit: "percentunit",
      queries: [{ expr: q.rate("nodejs_gc_duration_seconds_sum", `job="${q.job}"`, "kind"), legend: "{{kind}}" }],
      stacked: true,
      width: 8
    }),
    lines({
      id: 53,
      title: "CPU",
      description: "Of each server; 1 is one core, and the event loop has no more than that.",
      unit: "percentunit",
      queries: [{ expr: q.rate("process_cpu_seconds_total", `job="${q.job}"`, "instance"), legend: "{{instance}}" }],
      width: 12
    }),
    lines({
      id: 54,
      title: "Open files",
      description: "Sockets among them, and how many there may be.",
      unit: "short",
      queries: [
        { expr: `process_open_fds{job="${q.job}"}`, legend: "{{instance}} open" },
        { expr: `min(process_max_fds{job="${q.job}"})`, legend: "at the most" }
      ],
      width: 12
    })
  ]
}

export const process: ReadonlyArray<Row> = [database, node]
