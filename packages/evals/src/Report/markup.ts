/** HTML that cannot be forgotten to escape: whatever is put into the template is text, unless it is itself a template. */

export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Markup | undefined | false | ReadonlyArray<Markup>

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;"
}

/** Also of what no page may hold: control characters, and halves of surrogate pairs. */
export const escapeHtml = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/gu, "\u{FFFD}")
    .replace(/[&<>"'`]/gu, (character) => escapes[character] ?? "")

const rendered = (part: Part): string => {
  if (part === undefined || part === false) return ""
  if (part instanceof Markup) return part.text
  return typeof part === "object" ? part.map(({ text }) => text).join("") : escapeHtml(String(part))
}

/** Attributes stand in double quotes. */
export const html = (strings: TemplateStringsArray, ...parts: ReadonlyArray<Part>): Markup =>
  new Markup(strings.map((string, index) => rendered(parts[index - 1]) + string.replace(indent, "\n")).join(""))

/** Of the source, which a page of a thousand samples need not carry. */
const indent = /\s*\n\s*/gu

/** What Markdown, or HTML within it, would make something of is shown as it is, on one line. */
export const escapeMarkdown = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\u0000-\u0020\u007F-\u009F\u2028\u2029]+/gu, " ")
    .trim()
    .replace(/[\\`*_[\]|~$]|^[-+#=>]|(?<=^\d+)[.)]|(?<=www)\.|:(?=\/\/)/giu, "\\$&")
    .replace(/&/gu, "&amp;")
    .replace(/</gu, "&lt;")
    .replace(/@/gu, "&#64;")
