/** Requests made up from the OpenAPI document: as it wants them, and with something odd about them. */
import { Arbitrary, Schema } from "effect"
import { type Document, type Media, type Operation, schemaOf } from "./ApiDocument.ts"
import * as Odd from "./FuzzOddities.ts"
import type { RawRequest } from "./rawRequest.ts"
import { charge, subscription } from "./TestBilling.ts"

const { oneOf, pick } = Odd

/** Values that must be those of the world; `FuzzWorld` puts them in. The rest is made from schemas alone. */
const known: Readonly<Record<string, Arbitrary.Arbitrary<unknown>>> = {
  email: pick("__email__", "__uuid__@example.com"),
  username: pick("__email__"),
  password: pick("__password__"),
  current_password: pick("__password__"),
  new_password: pick("Correct-horse-8", "__password__"),
  refresh_token: pick("__refresh_token__"),
  session_id: pick("__session__"),
  message_id: pick("__uuid__", "__message__"),
  content: oneOf(pick("Hello", "Hello again, and once more"), Arbitrary.schema(Schema.String)),
  name: oneOf(pick("Holiday plans"), Arbitrary.schema(Schema.String)),
  cursor: pick("__sessions_cursor__", "__messages_cursor__"),
  // The parrot is the model.
  model: pick("parrot", "parrot", "gpt-4o"),
  stream: pick<unknown>(true, false, null),
  messages: oneOf<unknown>(
    pick<unknown>([{ role: "user", content: "Hello" }], [{ role: "user", content: [{ type: "text", text: "Hello" }] }]),
    Arbitrary.map(
      Arbitrary.all({ role: pick("user", "assistant", "system", "tool"), content: Odd.text }),
      (message) => [message]
    )
  ),
  // Of an event: some are of interest, and some of those are about what they should be.
  id: pick("evt_1", "evt_2", "evt_3", "evt_4"),
  type: pick("charge.succeeded", "customer.subscription.updated", "customer.subscription.deleted", "invoice.paid"),
  created: pick(1_796_000_000, 1_796_000_001),
  data: oneOf(
    pick<unknown>({ object: charge() }, { object: subscription() }),
    Arbitrary.map(
      Arbitrary.all({
        object: pick<Readonly<Record<string, unknown>>>(charge(), subscription()),
        field: pick("id", "amount_captured", "currency", "status", "items", "pause_collection"),
        odd: oneOf<unknown>(Odd.text, Arbitrary.schema(Schema.Json))
      }),
      ({ field, object, odd }) => ({ object: { ...object, [field]: odd } })
    )
  )
}

const signature = "__stripe_signature__"

/** As JSON. */
const plainValue = (document: Document, name: string, schema: Media["schema"]): Arbitrary.Arbitrary<string> =>
  Arbitrary.map(known[name] ?? Arbitrary.schema(schemaOf(document, schema)), (value) => JSON.stringify(value))

/** Names and JSON: a list, because a body may have two of a name. */
type Fields = ReadonlyArray<readonly [name: string, json: string]>

/** What stands for a field that is left out: it is no JSON. */
const absent = Arbitrary.Constant("")

const plainFields = (
  document: Document,
  schemas: ReadonlyArray<readonly [name: string, required: boolean, schema: Media["schema"]]>
): Arbitrary.Arbitrary<Fields> =>
  Arbitrary.map(
    Arbitrary.all(
      schemas.map(([name, required, schema]) => {
        const value = plainValue(document, name, schema)
        return Arbitrary.map(required ? value : oneOf(absent, value), (json) => [name, json] as const)
      })
    ),
    (fields) => fields.filter(([, json]) => json !== "")
  )

const oddFields = (plain: Arbitrary.Arbitrary<Fields>): Arbitrary.Arbitrary<Fields> =>
  Arbitrary.flatMap(plain, (fields) => {
    const replaced = fields.map(([name], index) => Arbitrary.map(Odd.json, (json) => fields.with(index, [name, json])))
    const added = Arbitrary.map(
      Arbitrary.all({ name: oneOf(pick("extra", ...fields.map(([name]) => name)), Odd.text), json: Odd.json }),
      ({ json, name }) => [...fields, [name, json] as const]
    )
    const others: ReadonlyArray<Fields> = fields.flatMap(([name, json], index) => [
      fields.toSpliced(index, 1),
      fields.with(index, [name.toUpperCase(), json])
    ])
    // The fields that are there matter most.
    return oneOf<Fields>(added, ...replaced, ...replaced, ...others.map((fields) => Arbitrary.Constant(fields)))
  })

/** As text in a query or a form, where all is text. */
const textOf = (json: string): string => (json.startsWith('"') ? String(JSON.parse(json)) : json)

const toForm = (fields: Fields): string =>
  fields.map((pair) => pair.map((json, index) => encoded(index === 0 ? json : textOf(json))).join("=")).join("&")

const encoded = (text: string) => encodeURIComponent(text.toWellFormed())

const toJson = (fields: Fields): string =>
  `{${fields.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`

interface Body {
  readonly type: string
  readonly content: string | Uint8Array
}

const ObjectSchema = Schema.Struct({
  properties: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Unknown)),
  required: Schema.optionalKey(Schema.Array(Schema.String))
})
const decodeObject = Schema.decodeUnknownSync(ObjectSchema)

const fieldsOf = (document: Document, { schema }: Media): Arbitrary.Arbitrary<Fields> => {
  const name = String(schema["$ref"] ?? "").replace("#/components/schemas/", "")
  const { properties, required = [] } = decodeObject(document.components.schemas[name] ?? schema)
  return plainFields(
    document,
    Object.entries(properties).map(([name, property]) => [name, required.includes(name), property])
  )
}

const write = (type: string) => (fields: Fields) => ({
  type,
  content: type === "application/json" ? toJson(fields) : toForm(fields)
})

const nothing: Body = { type: "", content: "" }
const noBody = Arbitrary.Constant(nothing)

const bodies = (document: Document, { requestBody }: Operation) => {
  const json = "application/json"
  const declared = Object.entries(requestBody?.content ?? {}).map(
    ([type, media]) => [type, fieldsOf(document, media)] as const
  )
  const [first = noBody, ...more] = declared.map(([type, fields]) => Arbitrary.map(fields, write(type)))
  const plain = oneOf(first, ...more, ...(requestBody?.required === false ? [noBody] : []))
  const odd = oneOf(
    Arbitrary.map(Odd.json, (content): Body => ({ type: json, content })),
    Arbitrary.map(
      Arbitrary.all({ type: pick(json, ...declared.map(([type]) => type)), content: Odd.malformed }),
      (body) => body
    ),
    Arbitrary.map(Arbitrary.all({ body: plain, type: Odd.contentType }), ({ body, type }) => ({ ...body, type })),
    ...[...declared, ...declared, ...declared].map(([type, fields]) => Arbitrary.map(oddFields(fields), write(type)))
  )
  return { plain, odd }
}

const paths = (path: string) => {
  const filledWith = (segment: string) => path.replace(/\{\w+\}/u, () => segment)
  const odd = Arbitrary.map(Odd.afterPath, (more) => filledWith("__session__") + more)
  return {
    plain: Arbitrary.Constant(filledWith("__session__")),
    odd: path.includes("{") ? oneOf(Arbitrary.map(Odd.segment, filledWith), odd) : odd
  }
}

const queries = (document: Document, { parameters }: Operation) => {
  const declared = parameters.filter((parameter) => parameter.in === "query")
  const fields = plainFields(
    document,
    declared.map(({ name, required, schema }) => [name, required, schema])
  )
  return {
    plain: Arbitrary.map(fields, toForm),
    odd: oneOf(
      Odd.query,
      ...(declared.length === 0 ? [] : [Arbitrary.map(oddFields(fields), (odd) => toForm(odd).slice(0, 12_000))])
    )
  }
}

type Headers = Readonly<Record<string, string>>

/** The only one that an operation asks for is the signature of its body; it is made when the body is. */
const declaredHeaders = ({
  parameters
}: Operation): { plain: Arbitrary.Arbitrary<Headers>; odd: Arbitrary.Arbitrary<Headers> } => {
  const names = parameters.filter((parameter) => parameter.in === "header").map(({ name }) => name)
  const of = (value: string): Headers => Object.fromEntries(names.map((name) => [name, value]))
  const plain = of(signature)
  const odd = Arbitrary.map(Odd.headers, (headers) => ({ ...plain, ...headers }))
  const badlySigned = pick<Headers>({}, of("t=1,v1=00"), of(`${signature}, ${signature}`), of("v1"), of("\u00ff"))
  return { plain: Arbitrary.Constant(plain), odd: names.length === 0 ? Odd.headers : oneOf(odd, badlySigned) }
}

/** What is odd about a request. Every other one is as the document wants it. */
const oddities = pick(
  ...(["nothing", "nothing", "nothing", "nothing", "nothing", "nothing", "nothing"] as const),
  ...(["authorization", "path", "query", "headers", "body", "body", "body", "everything"] as const)
)

/** Methods that no path has, beside the one it has. */
const methods = (method: string) => ({ plain: Arbitrary.Constant(method), odd: pick(method, method, "PUT") })

export const requests = (document: Document, name: string, operation: Operation): Arbitrary.Arbitrary<RawRequest> => {
  const [method = "", path = ""] = name.split(" ")
  const body = bodies(document, operation)
  const parts = {
    method: methods(method.toUpperCase()),
    path: paths(path),
    query: queries(document, operation),
    headers: declaredHeaders(operation),
    authorization: { plain: Arbitrary.Constant("Bearer __token__"), odd: Odd.authorization }
  }
  return Arbitrary.flatMap(oddities, (odd) => {
    const part = <A>(
      name: string,
      { odd: strange, plain }: { plain: Arbitrary.Arbitrary<A>; odd: Arbitrary.Arbitrary<A> }
    ) => (odd === name || odd === "everything" ? strange : plain)
    return Arbitrary.map(
      Arbitrary.all({
        method: part("path", parts.method),
        path: part("path", parts.path),
        query: part("query", parts.query),
        headers: part("headers", parts.headers),
        authorization: part("authorization", parts.authorization),
        body: part("body", body)
      }),
      ({ authorization, body, headers, method, path, query }) => ({
        method,
        path: query === "" ? path : `${path}?${query}`,
        headers: {
          ...(authorization === "" ? {} : { authorization }),
          ...(body.type === "" ? {} : { "content-type": body.type }),
          ...headers
        },
        chunks: body.content === "" ? [] : [body.content]
      })
    )
  })
}
