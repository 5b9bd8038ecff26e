import { describe } from "vitest"
import { from, room, rule, server } from "./oxlint.rule.ts"

/*
 * The rules of the house, seen to hold: oxlint runs once, with the real configuration, over a tree of the real layout
 * made of the sources below. A refused source gets the message of its rule and no other, an accepted one gets none.
 */

describe("boundaries", () => {
  rule(
    "a repository stays in its room",
    "A repository belongs to its room",
    {
      [`${server}/Users/Users.ts`]: from("../Sessions/SessionsRepo.ts", "../Chat/MessagesRepo.ts"),
      [`${server}/Users/Users.test.ts`]: from("../Sessions/SessionsRepo.ts"),
      [`${server}/Agent/tools/Search.ts`]: from("../../Users/UsersRepo.ts"),
      [`${server}/main.ts`]: from("./Users/UsersRepo.ts"),
      ...room("Typed", `import type { it } from "../Users/UsersRepo.ts"; export type { it }`),
      ...room("Lazy", `export const it = () => import("../Users/UsersRepo.ts")`)
    },
    {
      [`${server}/Users/Service.ts`]: from("./UsersRepo.ts", "../Sessions/Sessions.ts"),
      "packages/server/test/Users.test.ts": from("../src/Users/UsersRepo.ts")
    }
  )

  rule(
    "a room's handlers are for the server's Http.ts and main.ts",
    "A room's Http.ts is for",
    { [`${server}/Users/Http.ts`]: from("../Sessions/Http.ts"), [`${server}/openapi.ts`]: from("./Users/Http.ts") },
    {
      [`${server}/Http.ts`]: from("./Users/Http.ts", "./Health/Http.ts", "effect/http"),
      "packages/server/test/Http.test.ts": from("../src/Users/Http.ts")
    }
  )

  rule(
    "@langchain/* stays under Agent",
    "@langchain/* is used under packages/server/src/Agent only",
    {
      [`${server}/Chat/Chat.ts`]: from("@langchain/core/messages", "@langchain/langgraph"),
      [`${server}/Telemetry/Tracing.ts`]: from("@langchain/core/callbacks/base"),
      "packages/evals/src/Judge.ts": from("@langchain/openai")
    },
    {
      [`${server}/Agent/Graph.ts`]: from("@langchain/core/messages", "@langchain/langgraph"),
      [`${server}/Agent/Graph.test.ts`]: from("@langchain/langgraph-checkpoint-validation"),
      "packages/server/test/Turn.test.ts": from("@langchain/langgraph"),
      "packages/server/bench/Turn.ts": from("@langchain/langgraph")
    }
  )

  rule(
    "prom-client and tracing SDKs stay under Telemetry",
    "prom-client and tracing SDKs are used under packages/server/src/Telemetry only",
    {
      [`${server}/Usage/Usage.ts`]: from("prom-client", "@opentelemetry/api"),
      [`${server}/Agent/Agent.ts`]: from("@langfuse/langchain", "@langfuse/otel"),
      [`${server}/Telemetry.ts`]: from("@effect/opentelemetry", "@effect/opentelemetry/NodeSdk"),
      "packages/server/test/Metrics.test.ts": from("prom-client"),
      "packages/evals/src/Sources/Langfuse.ts": from("@langfuse/otel", "@langfuse/tracing", "@opentelemetry/api")
    },
    {
      [`${server}/Telemetry/Telemetry.ts`]: from("prom-client", "@effect/opentelemetry", "@langfuse/otel"),
      [`${server}/Telemetry/Telemetry.test.ts`]: from("@opentelemetry/sdk-trace-base"),
      "packages/evals/src/Sources/langfuseTraces.ts": from("@langfuse/client", "@langfuse/core"),
      [`${server}/Usage/Metrics.ts`]: from("effect/observability", "../Telemetry/Telemetry.ts")
    }
  )

  rule(
    "SQL stays in repositories, the agent's savers and Sql",
    "SQL is written in *Repo.ts, in Agent/*Saver.ts and *Tables.ts, and under Sql only",
    {
      [`${server}/Sessions/Sessions.ts`]: from("effect/sql", "effect/sql/SqlClient"),
      [`${server}/Agent/Memory.ts`]: from("effect/sql"),
      [`${server}/Limits/LimitsSaver.ts`]: from("effect/sql"),
      [`${server}/migrations.ts`]: from("@effect/sql-pg", "@effect/sql-pg/PgClient"),
      "packages/evals/src/Runs.ts": from("effect/sql")
    },
    {
      "monitoring/automation/costs/CostsRepo.ts": from("effect/sql"),
      [`${server}/Users/UsersRepo.ts`]: from("effect/sql", "@effect/sql-pg", "effect/schema"),
      [`${server}/Sql/Database.ts`]: from("effect/sql", "@effect/sql-pg/PgClient"),
      [`${server}/Sql/migrations/0002_sessions.ts`]: from("effect/sql"),
      [`${server}/Agent/CheckpointSaver.ts`]: from("effect/sql", "@langchain/langgraph-checkpoint"),
      [`${server}/Agent/AgentRepo.ts`]: from("effect/sql", "@langchain/core/messages"),
      [`${server}/Sessions/Sessions.test.ts`]: from("effect/sql"),
      "packages/server/test/Postgres.ts": from("@effect/sql-pg")
    }
  )

  rule(
    "domain imports only effect",
    "packages/domain imports only effect and its own files",
    {
      "packages/domain/src/Users.ts": from(
        "node:crypto",
        "jose",
        "@effect/platform-node",
        "@parley/server/Agent/Agent"
      ),
      "packages/domain/src/Users.test.ts": from("node:fs", "@parley/domain/Auth")
    },
    {
      "packages/domain/src/Auth.ts": from("effect", "effect/http-api", "./Sessions.ts"),
      "packages/domain/src/Auth.test.ts": from("effect/testing", "vitest", "@effect/vitest", "./Auth.ts")
    }
  )

  rule(
    "the page imports types of domain",
    "packages/app imports the types of @parley/domain only",
    { "packages/app/src/Calls.ts": from("@parley/domain/Chat") },
    {
      "packages/app/src/Types.ts": [`import type { it } from "@parley/domain/Chat"; export type { it }`],
      "packages/app/src/Page.tsx": from("preact", "./Types.ts")
    }
  )

  rule("the page runs in browsers", "packages/app runs in browsers", {
    "packages/app/src/Server.ts": from("effect", "effect/http", "@effect/platform-node", "node:fs", "@parley/server/x")
  })

  rule(
    "evals imports domain and the server's Agent",
    "packages/evals imports @parley/domain and @parley/server/Agent only",
    { "packages/evals/src/Samples.ts": from("@parley/server", "@parley/server/Users/Users", "@parley/server/Sql/Sql") },
    { "packages/evals/src/Live.ts": from("@parley/server/Agent/Agent", "@parley/domain/Chat", "effect", "node:fs") }
  )

  rule("nothing else imports the server", "Nothing imports the server, but packages/evals its Agent", {
    ...room("Self", ...from("@parley/server/Agent/Agent")),
    "monitoring/automation/report.ts": from("@parley/server", "@parley/server/Agent/Agent")
  })

  rule("a package is imported by its name", "Import another package by its name", {
    ...room("Path", ...from("../../../domain/src/Text.ts", "../../../app/src/Text.ts")),
    "packages/domain/src/Path.ts": from("../../server/src/Chat/Chat.ts"),
    "packages/evals/src/Path.ts": from("../../server/src/Agent/Graph.ts")
  })
})

describe("style", () => {
  rule(
    "time is DateTime's and Clock's",
    "so that tests control the time",
    room("Time", "export const a = new Date()", "export const b = Date.now", "performance.now()"),
    {
      ...room("Dated", "export const a: Date | undefined = undefined"),
      ...room("Time.test", "export const a = new Date()"),
      "packages/server/bench/Time.ts": ["export const a = [performance.now(), Date.now()]"]
    }
  )
  rule(
    "chance is Random's",
    "Use Random, so that tests control it",
    room("Chance", "export const a = Math.random()"),
    room("Chance.test", "export const a = Math.random()")
  )
  rule(
    "the environment is Config's",
    "Read the environment with Config",
    room("Environment", "export const a = process.env", `export { env } from "node:process"`),
    { "packages/server/test/Environment.ts": ["export const a = process.env"] }
  )
  rule("src prints with Effect's Console", "Unexpected console statement", room("Print", `console.log("here")`), {
    "packages/server/bench/Print.ts": [`console.log("here")`]
  })
  rule("no any", "Unexpected `any`", room("Any", "export const a = (value: any) => value"))
  rule("no non-null assertions", "Forbidden non-null assertion", room("NonNull", "export const a = [1][0]!"))
  rule(
    "no type assertions but `as const`",
    "Do not use any type assertions",
    room("As", "export const a = Object(1) as number", "export const b = <number>Object(1)"),
    room("AsConst", "export const a = [1] as const", "export const b = 1 satisfies number")
  )
  const unexplained = room("Suppress", "// @ts-expect-error\nexport const a = 1")
  rule("no type error suppressed without a reason", "Include a description", unexplained)
  rule("no lint rule suppressed without its name", "does not specify any rules to disable", {
    ...room("Disable", "// oxlint-disable-next-line\nexport const a = (value: any) => value")
  })
  rule("no default exports but migrations", "Prefer named exports", room("Default", "export default 1"), {
    [`${server}/Sql/migrations/0001_users.ts`]: ["export default 1"]
  })
  rule("no cycles", "Dependency cycle detected", {
    ...room("Hen", `import { egg } from "./Egg.ts"; export const hen = () => egg`),
    ...room("Egg", `import { hen } from "./Hen.ts"; export const egg = () => hen`)
  })
  rule(
    "250 lines at the most",
    "File has too many lines (251)",
    room("Long", "//\n".repeat(250) + "export const a = 1"),
    room("Short", "//\n".repeat(249) + "export const a = 1")
  )
  rule(
    "no forgotten tests",
    "A test that does not run is a defect",
    room("Chat.test", "it.effect.only()", "it.effect.skip()", "it.live.todo()")
  )
})
