/** Who judges, and where traces are. Read where they are used, and checked together before a run begins. */
import { Config, Effect, Option, Schema } from "effect"

const HttpUrl = Schema.URLFromString.check(Schema.makeFilter(({ protocol }) => /^https?:$/u.test(protocol)))

/** A variable, and how it completes the sentence "NAME must be ...". */
const setting = <A>(name: string, config: Config.Config<A>, expected: string) => ({ name, config, expected })

export const settings = {
  model: setting(
    "EVALUATION_LLM",
    Config.withDefault(Config.NonEmptyString("EVALUATION_LLM"), "gpt-4o-mini"),
    "the name of the model that judges"
  ),
  apiKey: setting(
    "EVALUATION_API_KEY",
    Config.option(Config.Redacted("EVALUATION_API_KEY")),
    "the API key of the judge's provider"
  ),
  baseUrl: setting(
    "EVALUATION_BASE_URL",
    Config.option(Config.schema(HttpUrl, "EVALUATION_BASE_URL")),
    "the http or https address of an OpenAI-compatible API, such as http://localhost:11434/v1"
  )
}

/** The same variables by which the server sends its traces. */
export const langfuse = Effect.gen(function* () {
  const publicKey = yield* Config.option(Config.NonEmptyString("LANGFUSE_PUBLIC_KEY"))
  const secretKey = yield* Config.option(Config.Redacted("LANGFUSE_SECRET_KEY"))
  const host = yield* Config.option(Config.schema(HttpUrl, "LANGFUSE_HOST"))
  const baseUrl = yield* Config.option(Config.schema(HttpUrl, "LANGFUSE_BASE_URL"))
  const url = Option.orElse(baseUrl, () => host)
  return {
    keys: Option.all({ publicKey, secretKey }),
    baseUrl: Option.match(url, {
      onNone: () => "https://cloud.langfuse.com",
      onSome: ({ href }) => href.replace(/\/$/u, "")
    })
  }
})

/** A folder for what runs leave behind: their logs, and what the judge has said. */
export const dataFolder = Config.map(
  Config.withDefault(Config.NonEmptyString("DATA_DIR"), ".data"),
  (folder) => `${folder}/evals`
)
