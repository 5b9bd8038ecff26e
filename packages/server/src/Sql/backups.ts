/** `make backup` and `make restore`. */
import { version } from "@parley/domain/Api"
import { Console, Effect, Schema } from "effect"
import { Argument, Command, Flag, Prompt } from "effect/cli"
import * as Boot from "../Boot.ts"
import * as Settings from "../Settings/Settings.ts"
import * as Backup from "./Backups/Backup.ts"
import * as Restore from "./Backups/Restore.ts"
import { settings } from "./settings.ts"

const checked = Settings.check(Object.values(settings))

const create = Command.make(
  "create",
  {
    keep: Flag.Int("keep").pipe(
      Flag.withDescription("How many backups to keep, this one included"),
      Flag.withDefault(14),
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0)))
    )
  },
  Effect.fn(function* ({ keep }) {
    yield* checked
    const { file, kept, removed, size } = yield* Backup.create(keep)
    yield* Console.log(`Backed up to ${file} (${size}). Backups kept: ${kept}, removed: ${removed}.`)
  })
).pipe(Command.withDescription("Backs the database up, to DATA_DIR/backups"))

const asked = (where: string) =>
  process.stdin.isTTY && process.stdout.isTTY
    ? Prompt.run(
        Prompt.Confirm({
          message: `There is something in the database at ${where} already. Replace all of it by the backup?`
        })
      )
    : Effect.succeed(false)

const restore = Command.make(
  "restore",
  {
    file: Argument.String("file").pipe(Argument.withDescription("What create has made; its .sha256 must be beside it")),
    force: Flag.Boolean("force").pipe(
      Flag.withDescription("Replaces what is in the database without asking, even under servers"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ file, force }) {
    yield* checked
    const where = yield* Restore.restore(file, { force, confirm: asked })
    yield* Console.log(`Restored ${file} into ${where}. Servers bring its schema up to date when they start.`)
  })
).pipe(Command.withDescription("Puts a backup into the database, in one transaction"))

const backups = Command.make("backups").pipe(
  Command.withDescription("Backups of the database, by pg_dump and pg_restore"),
  Command.withSubcommands([create, restore])
)

Boot.run(Effect.provide(Command.run(backups, { version }), Boot.layer))
