/** Examples of whole bodies, put together from those of their fields. */
import { Predicate } from "effect"

export type Json = Record<string, unknown>

export const isJson = (u: unknown): u is Json => Predicate.isObject(u) && !Array.isArray(u)

const first = (list: unknown): unknown => (Array.isArray(list) ? list[0] : undefined)

const nameOf = (schema: unknown): string | undefined =>
  isJson(schema) && Predicate.isString(schema.$ref) ? schema.$ref.split("/").at(-1) : undefined

/**
 * The example of a media type: `example`, or `examples` by name when the body is one of several.
 * `components` are the document's schemas.
 */
export const exampleOf = (schema: unknown, components: Json): Json => {
  const resolve = (schema: unknown): unknown => {
    const name = nameOf(schema)
    return name === undefined ? schema : resolve(components[name])
  }

  /** Undefined when the schema does not say enough. Fields that may be left out are, unless they have an example. */
  const valueOf = (reference: unknown): unknown => {
    const schema = resolve(reference)
    if (!isJson(schema)) return undefined
    if (Array.isArray(schema.examples)) return schema.examples[0]
    if (Array.isArray(schema.enum)) return schema.enum[0]
    if (Array.isArray(schema.anyOf)) return schema.anyOf.map(valueOf).find((value) => value !== undefined)
    if (schema.contentSchema !== undefined) return JSON.stringify(valueOf(schema.contentSchema))
    if (schema.type === "array") return [valueOf(schema.items)]
    if (schema.type === "null") return null
    if (!isJson(schema.properties)) return undefined
    const fields = Object.entries(schema.properties).map(([key, field]) => [key, valueOf(field)] as const)
    return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
  }

  /** What tells the members of a union apart: the component, or the kind of event. */
  const label = (member: unknown): string => {
    const name = nameOf(member)
    if (name !== undefined) return name
    const event = isJson(member) && isJson(member.properties) ? member.properties.event : undefined
    return String(isJson(event) ? first(event.enum) : "other")
  }

  const resolved = resolve(schema)
  return isJson(resolved) && Array.isArray(resolved.anyOf)
    ? { examples: Object.fromEntries(resolved.anyOf.map((member) => [label(member), { value: valueOf(member) }])) }
    : { example: valueOf(schema) }
}
