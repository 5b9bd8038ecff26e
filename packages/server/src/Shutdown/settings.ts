import { Config, Duration } from "effect"
import * as Setting from "../Settings/Setting.ts"

const duration = (name: string, elsewhereSeconds: number, what: string) =>
  Setting.withDefaultBy(
    name,
    Config.Duration(name),
    // Nobody at a terminal, and no reload after a change, wants to wait.
    (environment) => Duration.seconds(Setting.isLocal(environment) ? 0 : elsewhereSeconds),
    `a duration such as "${elsewhereSeconds} seconds": ${what}`
  )

export const settings = {
  grace: duration("SHUTDOWN_GRACE", 30, "how long running turns may take to end when the server is told to stop"),
  delay: duration("SHUTDOWN_DELAY", 5, "how long the server goes on serving, though not ready, when it is told to stop")
}
