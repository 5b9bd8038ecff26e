import { Config, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

const postgresUrl = (name: string) =>
  Config.schema(
    Schema.RedactedFromValue(Schema.String.check(Schema.isPattern(/^postgres(ql)?:\/\/[^\s/]+\/[^\s/]+$/u))),
    name
  )
const looksLike = "a database address like postgresql://user:password@host:5432/parley"

export const settings = {
  url: Setting.requiredOutsideDevelopment(Setting.optional("POSTGRES_URL", postgresUrl("POSTGRES_URL"), looksLike)),
  directUrl: Setting.optional(
    "POSTGRES_DIRECT_URL",
    postgresUrl("POSTGRES_DIRECT_URL"),
    `${looksLike}, past the pooler, for migrations`
  ),
  poolSize: Setting.positiveInt("POSTGRES_POOL_SIZE", 10),
  prepare: Setting.withDefault(
    "POSTGRES_PREPARE",
    Config.Boolean("POSTGRES_PREPARE"),
    true,
    "true, or false behind a pooler in transaction mode"
  ),
  dataDir: Setting.withDefault(
    "DATA_DIR",
    Config.NonEmptyString("DATA_DIR"),
    ".data",
    "a folder the server may write to"
  )
}
