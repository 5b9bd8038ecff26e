/** What people say, without the e-mail addresses and card numbers in it. */
import { Predicate } from "effect"

const isEndOfAddress = (character: string | undefined): boolean =>
  character === undefined || /[\s"'`<>()[\]{},;:\\/|=@]/u.test(character)

const longestLocalPart = 64

const domain = /^[\p{L}\p{N}](?:[\p{L}\p{N}-]*\.)+[\p{L}\p{N}-]{2,}/u

/** Looks around each `@`, and at nothing twice: a pattern for all of it would try every beginning of a long text. */
const withoutAddresses = (text: string): string => {
  let result = ""
  let done = 0
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    let start = at
    while (start > done && at - start < longestLocalPart && !isEndOfAddress(text[start - 1])) start--
    const [host] = domain.exec(text.slice(at + 1, at + 254)) ?? []
    if (start === at || host === undefined) continue
    result += `${text.slice(done, start)}[e-mail]`
    done = at + 1 + host.length
  }
  return result + text.slice(done)
}

const isCardNumber = (digits: string): boolean => {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index])
    const doubled = index % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

const [fewestDigits, mostDigits] = [13, 19]

/** Groups of digits that stand one after the other; a number may be some of them. */
const withoutCardsIn = (run: string): string => {
  const groups = run.split(/([ -])/u)
  const kept: Array<string> = []
  for (let first = 0; first < groups.length; first++) {
    let [digits, last] = ["", -1]
    if (first % 2 === 0)
      for (let next = first; next < groups.length && digits.length <= mostDigits; next += 2) {
        digits += groups[next] ?? ""
        if (digits.length >= fewestDigits && digits.length <= mostDigits && isCardNumber(digits)) last = next
      }
    if (last === -1) kept.push(groups[first] ?? "")
    else {
      kept.push("[card]")
      first = last
    }
  }
  return kept.join("")
}

/** As they stand on cards: looked for first, for by accident other numbers that stand before one may pass for one with it. */
const usual = /(?<!\d)(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5})(?!\d)/gu

const maskedText = (text: string): string =>
  withoutAddresses(text)
    .replaceAll(usual, (found) => (isCardNumber(found.replaceAll(/\D/gu, "")) ? "[card]" : found))
    .replaceAll(/\d+(?:[ -]\d+)*/gu, (run) => (run.length < fewestDigits ? run : withoutCardsIn(run)))

const maskedValue = (value: unknown): unknown => {
  if (Predicate.isString(value)) return maskedText(value)
  // A model gives a tool what it calls a number as one.
  if (Number.isInteger(value) && maskedText(String(value)) === "[card]") return "[card]"
  if (Array.isArray(value)) return value.map(maskedValue)
  if (!Predicate.isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [maskedText(name), maskedValue(item)]))
}

/** Most texts have neither, and need not be taken apart. */
const mayHaveSome = /@|\d(?:[ -]?\d){12}/u

/** Of a text, or of JSON: in that what it holds, because a letter of an escape is not one of an address. */
export const masked = (text: string): string => {
  if (!mayHaveSome.test(text)) return text
  if (!/^[[{]/u.test(text)) return maskedText(text)
  try {
    return JSON.stringify(maskedValue(JSON.parse(text)))
  } catch {
    return maskedText(text)
  }
}
