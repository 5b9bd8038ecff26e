/** `make migrate`: brings the schema up to date. */
import { Console, Effect } from "effect"
import * as Boot from "../Boot.ts"
import * as Database from "./Database.ts"

Boot.run(
  Effect.scoped(Database.migrated).pipe(
    Effect.andThen(Console.log("The schema is up to date.")),
    Effect.provide(Boot.layer)
  )
)
