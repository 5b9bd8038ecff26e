/** What the agent can do besides talking: a schema for the input and an effect that gives the model text. */
import { Effect, Schema } from "effect"

/** Why a tool gave nothing, in words for the model. */
export class ToolFailed extends Schema.TaggedError<ToolFailed>()("ToolFailed", { reason: Schema.String }) {}

export interface Tool {
  readonly name: string
  readonly description: string
  /** JSON schema of the arguments, as the model is told. */
  readonly parameters: object
  /** Arguments as the model made them up: decoded here, and refused in words that let it try again. */
  readonly execute: (input: unknown) => Effect.Effect<string, ToolFailed>
}

export const make = <S extends Schema.Codec<unknown, unknown>>(options: {
  readonly name: string
  readonly description: string
  readonly input: S
  readonly execute: (input: S["Type"]) => Effect.Effect<string, ToolFailed>
}): Tool => {
  const decode = Schema.decodeUnknownEffect(options.input, { errors: "all" })
  const { definitions, schema } = Schema.toJsonSchemaDocument(options.input)
  return {
    name: options.name,
    description: options.description,
    parameters: { ...schema, ...(Object.keys(definitions).length > 0 ? { $defs: definitions } : {}) },
    execute: (input) =>
      decode(input).pipe(
        Effect.mapError((error) => new ToolFailed({ reason: `Invalid arguments: ${error.message}` })),
        Effect.flatMap(options.execute)
      )
  }
}
