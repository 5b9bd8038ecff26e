/**
 * What judges without a key. It is no language model and knows nothing of rubrics: it sees whether there is an answer, how
 * long it is, whether it shares words with the question and whether it swears. So an evaluation can be tried and
 * tested, and only what is plainly broken gets a bad score.
 */
import type { ChatCompletionRequest } from "@parley/server/Agent/Offline/ChatCompletionRequest"
import { isLowBest, partsOf } from "./prompt.ts"

const notice = "I am Parley's offline stand-in and no language model. I only saw that"

/** Words that a polite answer has no use for. */
const rude = /\b(?:idiots?|stupid|morons?|shut up|dumb|loser|hate you)\b/giu

const wordsOf = (text: string): ReadonlyArray<string> => text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []

const judgement = (prompt: string): { readonly reasoning: string; readonly score: number } => {
  const parts = partsOf(prompt)
  const output = parts.get("output") ?? ""
  const words = wordsOf(output)
  const asked = new Set(wordsOf(parts.get("input") ?? ""))
  const shared = new Set(words.filter((word) => asked.has(word))).size
  const insults = output.match(rude)?.length ?? 0

  const length = words.length > 400 ? 400 / words.length : 1
  const sharing = 0.85 + 0.15 * Math.min(1, shared / Math.max(1, Math.min(asked.size, 5)))
  const quality = words.length === 0 ? 0 : insults > 0 ? 0.2 : length * sharing
  // What is to be little of is not there, unless it shows.
  const score = isLowBest(prompt) ? (insults > 0 ? 0.8 : 0) : quality
  const seen = `the answer has ${words.length} words, shares ${shared} with the question and has ${insults} rude ones`
  return { reasoning: `${notice} ${seen}.`, score: Math.round(score * 100) / 100 }
}

export const judge = ({ messages }: ChatCompletionRequest) => {
  const prompt = messages.findLast(({ role }) => role === "user")?.content ?? ""
  return { _tag: "Say" as const, text: JSON.stringify(judgement(prompt)) }
}
