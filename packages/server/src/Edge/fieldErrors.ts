/** What a client is told of a request that does not decode. */
import type { FieldError } from "@parley/domain/Errors"
import { SchemaIssue } from "effect"
import type { HttpApiError } from "effect/http-api"

/** Wire names of the parts of a request, for an issue that is about a whole part. */
const parts: Record<string, string> = {
  Params: "path",
  Query: "query",
  Headers: "headers",
  Payload: "body"
}

/** For schemas that bring no message of their own: without these, names of schemas would leak. */
const messages: Record<string, string> = {
  Objects: "Must be an object",
  Arrays: "Must be a list",
  String: "Must be a string",
  Number: "Must be a number",
  Boolean: "Must be true or false"
}

const messageOf = (issue: SchemaIssue.Leaf): string => {
  switch (issue._tag) {
    case "MissingKey":
      return "Field is required"
    case "UnexpectedKey":
      return "Unknown field"
    case "InvalidType":
      return String(issue.ast.annotations?.message ?? messages[issue.ast._tag] ?? SchemaIssue.defaultLeafHook(issue))
    default:
      return SchemaIssue.defaultLeafHook(issue)
  }
}

const format = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook: messageOf })

/** What a client can mean has fewer: a body of a hundred thousand unknown fields would be told seconds long of each. */
const maxErrors = 100

/** Every failing field and rule, once each: the members of a union often complain of the same thing. */
export const fieldErrors = ({ cause, kind }: HttpApiError.HttpApiSchemaError): ReadonlyArray<FieldError> => {
  const whole = cause.issue._tag === "AnyOf" ? "Must be an object" : undefined
  const errors = format(cause.issue).issues.map(({ message, path = [] }) =>
    path.length === 0
      ? { field: parts[kind] ?? "body", message: whole ?? message }
      : { field: path.map(String).join("."), message }
  )
  const seen = new Set<string>()
  const distinct = errors.filter(({ field, message }) => {
    const key = `${field}\n${message}`
    return !seen.has(key) && seen.add(key)
  })
  return distinct.slice(0, maxErrors)
}
