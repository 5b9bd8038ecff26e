const maxCharacters = 40

/** What people see as one character: "👨‍👩‍👧" is five code points. */
const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" })

/** As many whole graphemes as fit, or else code points: text in which nothing is whole may be anything. */
const beginning = (text: string): string => {
  let fitting = ""
  let length = 0
  for (const { segment } of graphemes.segment(text)) {
    length += Array.from(segment).length
    if (length > maxCharacters) break
    fitting += segment
  }
  return fitting === ""
    ? Array.from(text.slice(0, maxCharacters * 2))
        .slice(0, maxCharacters)
        .join("")
    : fitting
}

/** A name for a session from what was said first in it: at most 40 characters, cut between words where there is a gap. */
export const sessionName = (content: string): string => {
  const line = content.replaceAll(/\s+/gu, " ").trim()
  const name = beginning(line)
  if (name.length === line.length || line.charAt(name.length) === " ") return name
  const gap = name.lastIndexOf(" ")
  return gap > 0 ? name.slice(0, gap) : name
}
