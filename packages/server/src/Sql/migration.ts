/** `make migration name=...`: makes the next numbered migration, to be filled in. */
import { version } from "@parley/domain/Api"
import { Console, Effect, FileSystem, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Boot from "../Boot.ts"
import { directory } from "./Migrations.ts"

const template = `import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql\`SELECT 1\`
})
`

const Name = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^[a-z][a-z0-9_]{0,59}$/u, { message: "Expected a name like add_payments" }))
)

const migration = Command.make(
  "migration",
  {
    name: Argument.String("name").pipe(
      Argument.withDescription("What it does, in lower case with underscores, such as add_payments"),
      Argument.withSchema(Name)
    ),
    directory: Flag.String("directory").pipe(
      Flag.withDescription("Where the migrations are"),
      Flag.withDefault(directory)
    )
  },
  Effect.fn(function* ({ directory, name }) {
    const fs = yield* FileSystem.FileSystem
    const taken = (yield* fs.readDirectory(directory)).map((file) => Number.parseInt(file, 10)).filter(Number.isFinite)
    const number = String(Math.max(0, ...taken) + 1).padStart(4, "0")
    const path = `${directory}/${number}_${name}.ts`
    yield* fs.writeFileString(path, template, { flag: "wx" })
    yield* Console.log(`Made ${path}. Fill it in; it is applied at the next start, or by make migrate.`)
  })
).pipe(Command.withDescription("Makes the next numbered migration"))

Boot.run(Effect.provide(Command.run(migration, { version }), Boot.layer))
