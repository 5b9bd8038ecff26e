/** Whether the database answers. */
import { Duration, Effect } from "effect"
import * as Database from "../Sql/Database.ts"

export const answers = Database.read((sql) =>
  Effect.gen(function* () {
    // The first statement also opens the connection.
    yield* sql`SELECT 1`
    const [took] = yield* Effect.timed(sql`SELECT 1`)
    return { millis: Math.ceil(Duration.toMillis(took)) }
  })
)
