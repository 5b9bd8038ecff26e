/** `make settings`: whether the server would start with these settings. Starts nothing, and asks nobody. */
import { Console, Effect } from "effect"
import * as Boot from "../Boot.ts"
import { appEnvironment } from "./Setting.ts"
import * as Settings from "./Settings.ts"

Boot.run(
  Settings.check(Settings.all).pipe(
    Effect.andThen(appEnvironment.config),
    Effect.flatMap((environment) => Console.log(`The settings for ${environment} are complete.`)),
    Effect.provide(Boot.layer)
  )
)
