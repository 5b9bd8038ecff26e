/** Text of a model as it can be kept: PostgreSQL stores no NUL and no half of a surrogate pair, and providers refuse them. */

export const storable = (text: string): string => text.replaceAll("\0", "").toWellFormed()

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

/** Puts characters together that were split between pieces: what comes out, joined, is `storable` of what came in, joined. */
export const joiner = () => {
  let half = ""
  return {
    add: (piece: string): string => {
      const text = half + piece.replaceAll("\0", "")
      half = isHighSurrogate(text.charCodeAt(text.length - 1)) ? text.slice(-1) : ""
      return text.slice(0, text.length - half.length).toWellFormed()
    },
    /** What is left when no more comes. */
    end: (): string => half.toWellFormed()
  }
}
