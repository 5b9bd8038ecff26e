/** Reports are kept, whoever is killed, and whoever comes at the same time. */
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { daily, folder, someDay, World } from "../../test/Daily.ts"
import * as Day from "../Day.ts"
import { WaitSeconds } from "./Archive.ts"

/** Another process that has the lock, until it is killed. */
const holder = Effect.fnUntraced(function* (lock: string) {
  const program = `
    const { DatabaseSync } = require("node:sqlite")
    new DatabaseSync(process.argv[1]).exec("BEGIN EXCLUSIVE")
    console.log("held")
    setInterval(() => {}, 1000)`
  const child = yield* ChildProcess.make(process.execPath, ["--eval", program, lock], { stdin: "ignore" })
  yield* Stream.runHead(child.stdout)
  return child.kill({ killSignal: "SIGKILL" })
})

layer(World, { excludeTestServices: true })("reports that are kept", (it) => {
  it.effect("are left alone while another run is at them, but not for one that was killed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const { report } = yield* daily(directory)
      const kill = yield* holder(`${directory}/reports/.lock`)
      const error = yield* Effect.flip(Effect.provideService(daily(directory), WaitSeconds, 0))
      assert.include(error.message, `Another run is at the reports in ${directory}/reports`)
      yield* kill
      yield* Effect.provideService(daily(directory), WaitSeconds, 0)
      assert.isTrue(yield* fs.exists(`${report.archive}/report.html`))
    })
  )

  it.effect("come back when a run was killed while it put a new one in the place of the old", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const { report } = yield* daily(directory)
      yield* fs.rename(`${directory}/reports/${report.date}`, `${directory}/reports/.${report.date}.old`)
      yield* fs.makeDirectory(`${directory}/reports/.${report.date}.new`)
      const other = Day.plus(yield* someDay, -1)
      yield* daily(directory, {}, { date: other })
      assert.isTrue(yield* fs.exists(`${directory}/reports/${report.date}/report.json`))
      assert.deepStrictEqual((yield* fs.readDirectory(`${directory}/reports`)).toSorted(), [
        ".lock",
        other.name,
        report.date
      ])
    })
  )

  for (const MONITORING_DIR of ["/proc/nowhere", "/dev/null/here"]) {
    it.effect(`are not read for where nothing can be kept, as in ${MONITORING_DIR}`, () =>
      Effect.gen(function* () {
        const { message } = yield* Effect.flip(daily(MONITORING_DIR))
        assert.match(message, new RegExp(`^The report cannot be kept in ${MONITORING_DIR}/reports/.*: /`, "u"))
        assert.match(message, /MONITORING_DIR names another place/u)
      })
    )
  }
})
