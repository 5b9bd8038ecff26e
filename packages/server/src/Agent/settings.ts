import { Config, Duration, Schema, SchemaTransformation } from "effect"
import * as Setting from "../Settings/Setting.ts"

/** "a, b" as its names. */
const NameList = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Array(Schema.NonEmptyString),
    SchemaTransformation.transform({
      decode: (text): ReadonlyArray<string> => (text.trim() === "" ? [] : text.split(",").map((name) => name.trim())),
      encode: (names) => names.join(",")
    })
  )
)

/** Only in the query string, where it can change neither host nor path. */
const SearchAddress = Schema.URLFromString.check(
  Schema.makeFilter(({ protocol, search }) => /^https?:$/u.test(protocol) && search.includes("{query}"))
)

export const settings = {
  apiKey: Setting.requiredOutsideDevelopment(
    Setting.optional("LLM_API_KEY", Config.Redacted("LLM_API_KEY"), "the API key of the model's provider")
  ),
  baseUrl: Setting.optional(
    "LLM_BASE_URL",
    Config.URL("LLM_BASE_URL"),
    "the address of an OpenAI-compatible API, such as http://localhost:11434/v1"
  ),
  model: Setting.withDefault("LLM_MODEL", Config.NonEmptyString("LLM_MODEL"), "gpt-4o-mini", "the name of a model"),
  fallbackModels: Setting.withDefault(
    "LLM_FALLBACK_MODELS",
    Config.schema(NameList, "LLM_FALLBACK_MODELS"),
    [],
    "names of models, separated by commas, such as gpt-4o,gpt-4.1-mini"
  ),
  temperature: Setting.withDefault(
    "LLM_TEMPERATURE",
    Config.schema(Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 2 })), "LLM_TEMPERATURE"),
    0.2,
    "a number from 0 to 2"
  ),
  maxTokens: Setting.positiveInt("LLM_MAX_TOKENS", 2000),
  maxAttempts: Setting.positiveInt("LLM_MAX_ATTEMPTS", 3),
  contextTokens: Setting.positiveInt("LLM_CONTEXT_TOKENS", 32_000),
  attemptTimeout: Setting.withDefault(
    "LLM_ATTEMPT_TIMEOUT",
    Config.Duration("LLM_ATTEMPT_TIMEOUT"),
    Duration.seconds(30),
    'a duration such as "30 seconds": how long one attempt may wait for its first token, and between tokens'
  ),
  totalTimeout: Setting.withDefault(
    "LLM_TOTAL_TIMEOUT",
    Config.Duration("LLM_TOTAL_TIMEOUT"),
    Duration.seconds(60),
    'a duration such as "60 seconds": how long a turn\'s model calls may take altogether'
  ),
  agentName: Setting.withDefault(
    "AGENT_NAME",
    Config.NonEmptyString("AGENT_NAME"),
    "Parley",
    "what the agent calls itself"
  ),
  webSearchUrl: Setting.optional(
    "WEB_SEARCH_URL",
    Config.schema(SearchAddress, "WEB_SEARCH_URL"),
    "an http or https address with {query} after its ?, such as https://searx.example.org/search?q={query}&format=json"
  ),
  webSearchAllowPrivate: Setting.withDefault(
    "WEB_SEARCH_ALLOW_PRIVATE",
    Config.Boolean("WEB_SEARCH_ALLOW_PRIVATE"),
    false,
    "false, or true when the search engine is in a private network"
  )
}

/** How the model is called. */
export const modelOptions = Config.all({
  model: settings.model.config,
  fallbackModels: settings.fallbackModels.config,
  temperature: settings.temperature.config,
  maxTokens: settings.maxTokens.config,
  maxAttempts: settings.maxAttempts.config,
  attemptTimeout: settings.attemptTimeout.config
})
export type ModelOptions = Config.Success<typeof modelOptions> & {
  /** Of one conversation: texts at which the model is to stop. */
  readonly stop?: ReadonlyArray<string> | undefined
  /** Reasons to finish that who asks has set: they may come before the first word. */
  readonly ownEnds?: ReadonlyArray<string> | undefined
}

/** In the order in which they are asked. */
export const modelsOf = (
  { onlyModel }: { readonly onlyModel?: string | undefined },
  { fallbackModels, model }: ModelOptions
): ReadonlyArray<string> => (onlyModel === undefined ? [model, ...fallbackModels] : [onlyModel])

/** Reasoning models refuse a temperature. */
export const refusesTemperature = (model: string): boolean => /^(?:o\d|gpt-5)/u.test(model)
