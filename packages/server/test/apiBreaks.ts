/**
 * What of a newer OpenAPI document breaks clients that were made for an older one. What was accepted must be accepted; what
 * is answered must be something that was promised, with everything that was promised in it.
 */
import { isJson, type Json } from "@parley/domain/OpenApiExamples"

const record = (value: unknown): Json => (isJson(value) ? value : {})
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
const methods = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"])

/** Bounds below which a value is refused, and above which. */
const lower = ["minimum", "exclusiveMinimum", "minLength", "minItems"]
const upper = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"]

/** A document and the schemas in it. */
const reader = (document: Json) => {
  const schemas = record(record(document.components).schemas)
  const resolve = (value: unknown): Json => {
    const { $ref, allOf, ...schema } = record(value)
    const target = typeof $ref === "string" ? resolve(schemas[$ref.split("/").at(-1) ?? ""]) : {}
    return Object.assign({}, target, ...list(allOf).map(resolve), schema)
  }
  return { resolve }
}
type Reader = ReturnType<typeof reader>

const typesOf = ({ enum: values, type }: Json): ReadonlyArray<unknown> =>
  type === undefined ? list(values).map((value) => (value === null ? "null" : typeof value)) : [type].flat()

/** Whether each value of `from` is one of `to`. In answers, what `to` does not know is no matter, but what it knows must be there. */
const comparer = (isAnswer: boolean, fromReader: Reader, toReader: Reader) => {
  const seen = new Set<string>()
  const compare = (fromSchema: unknown, toSchema: unknown, at: string): ReadonlyArray<string> => {
    const key = JSON.stringify([fromSchema, toSchema])
    if (seen.has(key)) return []
    if (key.includes("$ref")) seen.add(key)
    const from = fromReader.resolve(fromSchema)
    const to = toReader.resolve(toSchema)
    const unionOf = ({ anyOf, oneOf }: Json) => [...list(anyOf), ...list(oneOf)]
    if (unionOf(from).length > 0) return unionOf(from).flatMap((member) => compare(member, toSchema, at))
    if (unionOf(to).length > 0) {
      const attempts = unionOf(to).map((member) => comparer(isAnswer, fromReader, toReader)(from, member, at))
      return attempts.some((problems) => problems.length === 0)
        ? []
        : (attempts.toSorted((a, b) => a.length - b.length)[0] ?? [])
    }
    return [
      ...types(from, to, at),
      ...values(from, to, at),
      ...bounds(from, to, at),
      ...properties(from, to, at),
      ...items(from, to, at),
      ...(to.contentSchema === undefined ? [] : compare(from.contentSchema, to.contentSchema, `${at} (as JSON)`))
    ]
  }

  const types = (from: Json, to: Json, at: string) => {
    const [froms, tos] = [typesOf(from), typesOf(to)]
    if (tos.length === 0) return []
    if (froms.length === 0) return [`${at}: the type is ${isAnswer ? "wider" : "narrower"}`]
    return froms
      .filter((type) => !tos.includes(type) && !(type === "integer" && tos.includes("number")))
      .map((type) => (isAnswer ? `${at}: may be ${String(type)}` : `${at}: may no longer be ${String(type)}`))
  }
  const values = ({ enum: from }: Json, { enum: to }: Json, at: string) => {
    if (to === undefined) return []
    if (from === undefined) return [`${at}: ${isAnswer ? "may be anything" : "may only be certain values"}`]
    return list(from)
      .filter((value) => !list(to).includes(value))
      .map((value) => `${at}: ${isAnswer ? "may be" : "may no longer be"} ${JSON.stringify(value)}`)
  }
  const bounds = (from: Json, to: Json, at: string) => {
    const within = (name: string, isWithin: (from: number, to: number) => boolean) => {
      const [a, b] = [from[name], to[name]]
      if (typeof b !== "number" || (typeof a === "number" && isWithin(a, b))) return []
      return [`${at}: ${name} is ${String(isAnswer ? a : b)}, was ${String(isAnswer ? b : a)}`]
    }
    return [
      ...lower.flatMap((name) => within(name, (a, b) => a >= b)),
      ...upper.flatMap((name) => within(name, (a, b) => a <= b)),
      ...["pattern", "format"].flatMap((name) =>
        to[name] === undefined || to[name] === from[name] ? [] : [`${at}: another ${name}`]
      )
    ]
  }
  const properties = (from: Json, to: Json, at: string) => {
    const [froms, tos] = [record(from.properties), record(to.properties)]
    const always = list(from.required)
    const missing = list(to.required).filter((name) => !always.includes(name))
    return [
      ...missing.map((name) => `${at}.${String(name)}: ${isAnswer ? "may be missing" : "is required"}`),
      ...Object.keys(isAnswer ? tos : froms)
        .filter((name) => !(name in (isAnswer ? froms : tos)) && !missing.includes(name))
        .filter(() => isAnswer || to.additionalProperties === false)
        .map((name) => `${at}.${name}: is gone`),
      ...Object.keys(froms).flatMap((name) => (name in tos ? compare(froms[name], tos[name], `${at}.${name}`) : []))
    ]
  }
  const items = (from: Json, to: Json, at: string) => [
    ...(to.items === undefined || from.items === undefined ? [] : compare(from.items, to.items, `${at}[]`)),
    ...list(to.prefixItems).flatMap((item, index) => compare(list(from.prefixItems)[index], item, `${at}[${index}]`))
  ]
  return compare
}

/** Empty, when every client that was made for `before` gets along with `now`. */
export const apiBreaks = (before: Json, now: Json): ReadonlyArray<string> => {
  const [old, recent] = [reader(before), reader(now)]
  const operations = (document: Json) =>
    Object.entries(record(document.paths)).flatMap(([path, item]) =>
      Object.entries(record(item))
        .filter(([method]) => methods.has(method))
        .map(([method, operation]) => [`${method} ${path}`, record(operation)] as const)
    )
  const known = new Map(operations(now))
  return operations(before).flatMap(([name, operation]) => {
    const current = known.get(name)
    return current === undefined ? [`${name}: is gone`] : operationBreaks(name, operation, current, old, recent)
  })
}

const operationBreaks = (name: string, before: Json, now: Json, old: Reader, recent: Reader): ReadonlyArray<string> => {
  const accepted = comparer(false, old, recent)
  const promised = comparer(true, recent, old)
  const parameters = ({ parameters }: Json) =>
    new Map(
      list(parameters).map((value) => [`${String(record(value).in)} ${String(record(value).name)}`, record(value)])
    )
  const [oldParameters, newParameters] = [parameters(before), parameters(now)]
  const [oldBody, newBody] = [record(before.requestBody), record(now.requestBody)]
  const contents = (from: unknown, to: unknown, at: string, compare: typeof accepted, isAnswer: boolean) =>
    Object.entries(record(from)).flatMap(([type, media]) => {
      const other = record(to)[type]
      if (other === undefined) return [`${at}: no more ${type}`]
      const [a, b] = isAnswer ? [other, media] : [media, other]
      return compare(record(a).schema, record(b).schema, at)
    })
  return [
    ...(list(before.security).length === 0 && list(now.security).length > 0 ? [`${name}: wants a token`] : []),
    ...[...oldParameters].flatMap(([key, parameter]) => {
      const other = newParameters.get(key)
      return other === undefined
        ? [`${name}: ${key}: is gone`]
        : accepted(parameter.schema, other.schema, `${name}: ${key}`)
    }),
    ...[...newParameters]
      .filter(([key, { required }]) => required === true && oldParameters.get(key)?.required !== true)
      .map(([key]) => `${name}: ${key}: is required`),
    ...(newBody.required === true && oldBody.required !== true ? [`${name}: the body: is required`] : []),
    ...contents(oldBody.content, newBody.content, `${name}: the body`, accepted, false),
    ...Object.entries(record(before.responses)).flatMap(([status, response]) => {
      const other = record(now.responses)[status]
      return other === undefined
        ? [`${name}: ${status}: is gone`]
        : contents(record(response).content, record(other).content, `${name}: ${status}`, promised, true)
    })
  ]
}
