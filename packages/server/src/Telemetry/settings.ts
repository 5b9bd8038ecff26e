import { Config, ConfigProvider, Effect, Option, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/u.test(new URL(text).protocol)

const HttpUrl = Schema.String.check(Schema.makeFilter(isHttpUrl))

/** `name=value,name=value` with percent-encoded values, as OpenTelemetry writes lists of things. */
const pairsOf = (text: string): Readonly<Record<string, string>> | undefined => {
  const pairs: Record<string, string> = {}
  for (const part of text.split(",")) {
    if (part.trim() === "") continue
    const [, name, value] = /^\s*([^\s=]+)\s*=\s*(.*?)\s*$/u.exec(part) ?? []
    if (name === undefined || value === undefined || /%(?![\dA-Fa-f]{2})/u.test(value)) return undefined
    pairs[name] = decodeURIComponent(value)
  }
  return pairs
}

const Pairs = Schema.String.check(Schema.makeFilter((text) => pairsOf(text) !== undefined))

/** Each of the two keys wants the other: half a configuration would be silence where traces are expected. */
const withItsPair = <A, B>(name: string, config: Config.Config<A>, other: Config.Config<B>) =>
  Config.mapEffect(Config.all([Config.option(config), Config.option(other)]), ([key, pair]) =>
    Option.isSome(key) === Option.isSome(pair) || Option.isSome(key)
      ? Effect.succeed(key)
      : Effect.fail(new Config.ConfigError(new ConfigProvider.SourceError({ message: `${name} is missing` })))
  )

const publicKey = Config.NonEmptyString("LANGFUSE_PUBLIC_KEY")
const secretKey = Config.Redacted("LANGFUSE_SECRET_KEY")

export const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio"
] as const
export type Sampler = (typeof samplers)[number]

export const settings = {
  metricsToken: Setting.optional(
    "METRICS_TOKEN",
    Config.schema(Schema.RedactedFromValue(Schema.String.check(Schema.isPattern(/^\S+$/u))), "METRICS_TOKEN"),
    "the bearer token that GET /metrics wants, without spaces"
  ),
  logLevel: Setting.withDefault(
    "LOG_LEVEL",
    Config.Literals(["Trace", "Debug", "Info", "Warn", "Error", "Fatal", "None"], "LOG_LEVEL"),
    "Info",
    "one of Trace, Debug, Info, Warn, Error, Fatal, None"
  ),
  langfusePublicKey: Setting.make(
    "LANGFUSE_PUBLIC_KEY",
    withItsPair("LANGFUSE_PUBLIC_KEY", publicKey, secretKey),
    "the public key of the Langfuse project whose secret key is set, such as pk-lf-..."
  ),
  langfuseSecretKey: Setting.make(
    "LANGFUSE_SECRET_KEY",
    withItsPair("LANGFUSE_SECRET_KEY", secretKey, publicKey),
    "the secret key of the Langfuse project whose public key is set, such as sk-lf-..."
  ),
  langfuseHost: Setting.withDefault(
    "LANGFUSE_HOST",
    Config.schema(HttpUrl, "LANGFUSE_HOST"),
    "https://cloud.langfuse.com",
    "the http or https address of Langfuse, such as https://cloud.langfuse.com"
  ),
  langfuseBaseUrl: Setting.optional(
    "LANGFUSE_BASE_URL",
    Config.schema(HttpUrl, "LANGFUSE_BASE_URL"),
    "the http or https address of Langfuse, such as https://cloud.langfuse.com"
  ),
  langfuseContent: Setting.withDefault(
    "LANGFUSE_CONTENT",
    Config.Boolean("LANGFUSE_CONTENT"),
    true,
    "true, or false to keep what people and the model say out of Langfuse"
  ),
  otlpEndpoint: Setting.optional(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    Config.schema(HttpUrl, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    "the http or https address of a collector, such as http://localhost:4318"
  ),
  otlpTracesEndpoint: Setting.optional(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    Config.schema(HttpUrl, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    "the http or https address traces are posted to, such as http://localhost:4318/v1/traces"
  ),
  otlpHeaders: Setting.optional(
    "OTEL_EXPORTER_OTLP_HEADERS",
    Config.schema(Schema.RedactedFromValue(Pairs), "OTEL_EXPORTER_OTLP_HEADERS"),
    "headers for the collector, such as api-key=secret,x-team=parley"
  ),
  otlpProtocol: Setting.withDefault(
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    Config.Literals(["http/protobuf", "http/json"], "OTEL_EXPORTER_OTLP_PROTOCOL"),
    "http/protobuf",
    "http/protobuf or http/json"
  ),
  serviceName: Setting.optional(
    "OTEL_SERVICE_NAME",
    Config.NonEmptyString("OTEL_SERVICE_NAME"),
    "the name of this service in traces, such as parley"
  ),
  resourceAttributes: Setting.withDefault(
    "OTEL_RESOURCE_ATTRIBUTES",
    Config.map(Config.schema(Pairs, "OTEL_RESOURCE_ATTRIBUTES"), (text) => pairsOf(text) ?? {}),
    {},
    "attributes of this process, such as service.namespace=shop,host.name=a1"
  ),
  sampler: Setting.withDefault<Sampler>(
    "OTEL_TRACES_SAMPLER",
    Config.Literals(samplers, "OTEL_TRACES_SAMPLER"),
    "parentbased_always_on",
    `one of ${samplers.join(", ")}`
  ),
  samplerArg: Setting.withDefault(
    "OTEL_TRACES_SAMPLER_ARG",
    Config.schema(
      Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
      "OTEL_TRACES_SAMPLER_ARG"
    ),
    1,
    "the share of traces to keep, from 0 to 1"
  ),
  sdkDisabled: Setting.withDefault(
    "OTEL_SDK_DISABLED",
    Config.Boolean("OTEL_SDK_DISABLED"),
    false,
    "true to export no traces at all, or false"
  )
}

/** Headers, from the text of their setting, which was checked. */
export const headersOf = (text: string): Readonly<Record<string, string>> => pairsOf(text) ?? {}
