/** The OpenAPI document as the server serves it, for tests of it and of answers against it. */
import { Effect, JsonSchema, Result, Schema, SchemaRepresentation } from "effect"
import { TestServer } from "./TestServer.ts"

const Json = Schema.Record(Schema.String, Schema.Unknown)

const Media = Schema.Struct({
  schema: Json,
  example: Schema.optionalKey(Schema.Unknown),
  examples: Schema.optionalKey(Schema.Record(Schema.String, Schema.Struct({ value: Schema.Unknown })))
})
export type Media = typeof Media.Type

const Content = Schema.Record(Schema.String, Media)

const Response = Schema.Struct({
  description: Schema.String,
  headers: Json,
  content: Schema.optionalKey(Content)
})

const Operation = Schema.Struct({
  operationId: Schema.String,
  summary: Schema.String,
  description: Schema.String,
  tags: Schema.Array(Schema.String),
  security: Schema.Array(Json),
  parameters: Schema.Array(
    Schema.Struct({ name: Schema.String, in: Schema.String, required: Schema.Boolean, schema: Json })
  ),
  requestBody: Schema.optionalKey(Schema.Struct({ required: Schema.Boolean, content: Content })),
  responses: Schema.Record(Schema.String, Response)
})
export type Operation = typeof Operation.Type
export type Response = typeof Response.Type

const Document = Schema.Struct({
  openapi: Schema.String,
  info: Schema.Struct({ title: Schema.String, version: Schema.String, description: Schema.String }),
  paths: Schema.Record(Schema.String, Schema.Record(Schema.String, Operation)),
  components: Schema.Struct({
    schemas: Schema.Record(Schema.String, Json),
    securitySchemes: Json,
    headers: Json,
    responses: Schema.Record(Schema.String, Response)
  })
})
export type Document = typeof Document.Type

export const served = Effect.gen(function* () {
  const server = yield* TestServer
  const { json } = yield* server.ask("GET", "/openapi.json")
  return yield* Schema.decodeUnknownEffect(Document)(json)
})

/** Every operation as "get /path". */
export const operations = (document: Document): ReadonlyArray<readonly [name: string, operation: Operation]> =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [`${method} ${path}`, operation] as const)
  )

/** A schema of the document as one of Effect, for values as they are on the wire. */
export const schemaOf = (document: Document, schema: Media["schema"]) => {
  const whole = JsonSchema.fromSchemaOpenApi3_1({ ...schema, $defs: document.components.schemas })
  return Schema.toType(SchemaRepresentation.fromJsonSchemaDocument(whole, { patterns: "apply" }))
}

const read = (document: Document, schema: Media["schema"]) =>
  Schema.decodeUnknownResult(Schema.toCodecJson(schemaOf(document, schema)), { onExcessProperty: "error" })

/** To read a schema takes longer than to check a value. */
const readers = new WeakMap<Media["schema"], ReturnType<typeof read>>()

/** What a value has against a schema of the document; nothing if it conforms. */
export const problemsOf = (document: Document, schema: Media["schema"], value: unknown): string => {
  const reader = readers.get(schema) ?? read(document, schema)
  readers.set(schema, reader)
  const checked = reader(value)
  return Result.isFailure(checked) ? checked.failure.message : ""
}
