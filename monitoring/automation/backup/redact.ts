/**
 * Takes secrets out of configurations, in two ways that do not rely on each other: by the names that they go by, and by
 * their values, as far as those are known here.
 */
import { Option, Predicate } from "effect"
import { isMap, isScalar, isSeq, parseDocument, type Scalar, visit } from "yaml"

export const placeholder = "<secret>"

const secretKey = /(password|passwd|secret|token|credentials?|key|secrets)$/iu
const secretHeader = /^(proxy-)?authorization$|cookie/iu
/** A file's name is none; what is in it is. */
const fileKey = /_files?$/iu

/** Addresses of receivers are secrets, but those of the services that everybody uses. */
const addressKey = /(^|_)url$/iu
const publicAddresses = new Set([
  "pagerduty_url",
  "opsgenie_api_url",
  "victorops_api_url",
  "telegram_api_url",
  "webex_api_url",
  "wechat_api_url"
])

/** Of an address that may stay: who asks, and what is asked, may not. */
const withoutCredentials = (text: string) =>
  text
    .replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/giu, `$1${placeholder}@`)
    .replaceAll(/([?&][\w.-]*(?:token|key|secret|password|sig|signature|auth)[\w.-]*=)[^&\s"']+/giu, `$1${placeholder}`)
    .replaceAll(/(https:\/\/hooks\.slack\.com\/)[^\s"']+/giu, `$1${placeholder}`)

/** What somebody has put aside in a comment. */
const withoutAsides = (text: string, kind: Kind) => {
  const names = `password|passwd|secret|token|credentials?|key${kind === "alertmanager" ? "|url" : ""}`
  const aside = new RegExp(`^(\\s*#.*?|.*\\s#.*?)((?:${names})["']?\\s*[:=]\\s*)(\\S.*)$`, "gimu")
  return text.replaceAll(aside, `$1$2${placeholder}`)
}

export type Kind = "alertmanager" | "other"

/** Nothing, if it is no YAML: then nobody can tell what is a secret in it. */
export const yaml = (text: string, kind: Kind): Option.Option<string> => {
  const document = parseDocument(text)
  if (document.errors.length > 0) return Option.none()
  let isChanged = false
  const hide = (scalar: Scalar) => {
    if (scalar.value === null || scalar.value === "" || scalar.value === placeholder) return
    // A template of Alertmanager, which is filled in when it tells.
    if (/^\{\{[^}]*\}\}$/u.test(String(scalar.value))) return
    scalar.value = placeholder
    isChanged = true
  }
  const hideAll = (node: unknown): void => {
    if (isScalar(node)) hide(node)
    if (isSeq(node)) for (const item of node.items) hideAll(item)
    if (!isMap(node)) return
    for (const { key, value } of node.items) if (!(isScalar(key) && fileKey.test(String(key.value)))) hideAll(value)
  }
  visit(document, {
    Pair: (_, { key, value }) => {
      if (!isScalar(key)) return
      const name = String(key.value)
      if (fileKey.test(name)) return
      const isAddress = kind === "alertmanager" && addressKey.test(name) && !publicAddresses.has(name)
      if (secretKey.test(name) || name === "secureJsonData" || isAddress) return hideAll(value)
      // Prometheus has a map of that name, whose parts have names of their own.
      if (secretHeader.test(name) && isScalar(value)) hide(value)
    },
    Scalar: (_, scalar) => {
      if (!Predicate.isString(scalar.value)) return
      const without = withoutCredentials(scalar.value)
      if (without === scalar.value) return
      scalar.value = without
      isChanged = true
    }
  })
  // As it is, to the byte, where nothing has to be hidden.
  return Option.some(
    withoutCredentials(
      withoutAsides(isChanged ? document.toString({ lineWidth: 0, flowCollectionPadding: false }) : text, kind)
    )
  )
}

/** Shorter ones would be found in words that are none; they are hidden by their names. */
const shortest = 8

const forms = (secret: string) => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString("base64")
]

/** Also where nobody looks for any. */
export const values = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets
    .filter(({ length }) => length >= shortest)
    // One may be a part of another.
    .toSorted((one, other) => other.length - one.length)
    .flatMap(forms)
    .reduce((left, secret) => left.replaceAll(secret, placeholder), text)
