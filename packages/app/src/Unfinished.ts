/** The turn that a reload of the page would interrupt, kept for this window alone: it is taken up again. */
import type { Question } from "./Api.ts"

const key = "parley.unfinished"

export const remember = (question: Question | undefined): void => {
  try {
    if (question === undefined) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, JSON.stringify(question))
  } catch {
    // Then a later reload shows the answer.
  }
}

export const remembered = (session_id: string): Question | undefined => {
  try {
    const question: Question | null = JSON.parse(sessionStorage.getItem(key) ?? "null")
    return question?.session_id === session_id ? question : undefined
  } catch {
    return undefined
  }
}
