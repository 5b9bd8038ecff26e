import { deltaChannelHistoryTests, validate } from "@langchain/langgraph-checkpoint-validation"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "@effect/vitest"
import { Effect, ManagedRuntime } from "effect"
import { SqlClient } from "effect/sql"
import { CheckpointSaver } from "./CheckpointSaver.ts"
import * as TestDatabase from "./CheckpointTestDatabase.ts"

// LangGraph's tests expect their runner's functions to be global.
for (const [name, value] of Object.entries({ afterAll, afterEach, beforeAll, beforeEach, describe, expect, it })) {
  vi.stubGlobal(name, value)
}

const runtime = ManagedRuntime.make(TestDatabase.layer)

const freshSaver = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes`
  return yield* CheckpointSaver.make
})

const initializer = {
  checkpointerName: "CheckpointSaver",
  createCheckpointer: () => runtime.runPromise(freshSaver)
}

validate(initializer)
deltaChannelHistoryTests(initializer)
afterAll(() => runtime.dispose())
