/** `make monitoring-suite`: all scripts, as they are scheduled. */
import { Option } from "effect"
import { defaultKeep, run as backup } from "../backup/command.ts"
import { run as costs } from "../costs/command.ts"
import { run as daily } from "../daily/command.ts"
import { run as health } from "../health/command.ts"
import * as Script from "../Script.ts"
import * as Suite from "./Suite.ts"

const unlessTold = { to: Option.none(), keep: defaultKeep, verify: false, archive: Option.none() }

export const suite = Script.command("suite", {
  description:
    "Runs health, costs, daily and backup in this order, goes on when one of them fails, and ends with one summary and the exit code of the worst. Exit codes: 0 all is well, 1 a warning or a finding, 2 critical, or one that failed; 3 it could not begin.",
  flags: Script.flags("For health, costs and daily: the day they tell of; a backup is always of now"),
  isJson: ({ json }) => json,
  run: Suite.of([
    { name: "health", run: health },
    { name: "costs", run: (common) => costs({ ...common, days: Option.none() }) },
    { name: "daily", run: (common) => daily({ ...common, resend: false }) },
    { name: "backup", run: (common) => backup({ ...common, ...unlessTold, date: Option.none() }) }
  ])
})
