/** `make migrate`: brings the schema up to date. */
import { Console, Effect } from "effect"
import * as Boot from "../Boot.ts"
import * as Settings from "../Settings/Settings.ts"
import * as Database from "./Database.ts"
import { settings } from "./settings.ts"

Boot.run(
  Settings.check(Object.values(settings)).pipe(
    Effect.andThen(Effect.scoped(Database.migrated)),
    Effect.andThen(Console.log("The schema is up to date.")),
    Effect.provide(Boot.layer)
  )
)
