const maxCharacters = 40

/** A name for a session from what was said first in it: at most 40 characters, cut between words where there is a gap. */
export const sessionName = (content: string): string => {
  const line = content.replaceAll(/\s+/gu, " ").trim()
  const characters = Array.from(line)
  if (characters.length <= maxCharacters) return line
  const cut = characters.slice(0, maxCharacters + 1).join("")
  const gap = cut.lastIndexOf(" ")
  return gap > 0 ? cut.slice(0, gap) : characters.slice(0, maxCharacters).join("")
}
