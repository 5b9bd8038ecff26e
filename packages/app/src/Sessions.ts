/** The list of chats, newest first, and which of them is shown: the one that the address names after its `#`. */
import { computed, signal } from "@preact/signals"
import * as Api from "./Api.ts"
import { type Problem, problemOf } from "./Problem.ts"
import { tell } from "./Tabs.ts"
import type { Session } from "./types.ts"

export const sessions = signal<ReadonlyArray<Session>>([])
export const problem = signal<Problem | undefined>(undefined)
export const isLoading = signal(false)
const next = signal<string | null>(null)
export const hasMore = computed(() => next.value !== null)

const named = () => /^#([0-9a-f-]{36})$/u.exec(location.hash)?.[1]

/** The id of the chat that is shown; none is one that begins with its first message. */
export const shown = signal(named())
window.addEventListener("hashchange", () => {
  shown.value = named()
})

export const show = (id: string | undefined): void => {
  if (id === shown.value) return
  history.pushState(null, "", id === undefined ? location.pathname : `#${id}`)
  shown.value = id
}
window.addEventListener("popstate", () => {
  shown.value = named()
})

export const nameOf = (session: Session | undefined): string =>
  session === undefined || session.name === "" ? "New chat" : session.name

export const shownSession = computed(() => sessions.value.find(({ session_id }) => session_id === shown.value))

/** What a list of many pages lacks: ids of version 7 are in the order of time. */
export const put = (...changed: ReadonlyArray<Session>): void => {
  const others = sessions.value.filter((one) => changed.every(({ session_id }) => session_id !== one.session_id))
  sessions.value = [...others, ...changed].toSorted(
    (a, b) => b.created_at.localeCompare(a.created_at) || b.session_id.localeCompare(a.session_id)
  )
}

export const drop = (id: string): void => {
  sessions.value = sessions.value.filter(({ session_id }) => session_id !== id)
  if (shown.value === id) show(undefined)
}

export const clear = (): void => {
  sessions.value = []
  next.value = null
  problem.value = undefined
}

export const load = async (): Promise<void> => {
  isLoading.value = true
  try {
    const page = await Api.listSessions(next.value ?? undefined)
    put(...page.items)
    next.value = page.next_cursor
    problem.value = undefined
    // One that is far down the list, or new in another window.
    const id = shown.value
    if (id !== undefined && shownSession.value === undefined) put(await Api.getSession(id))
  } catch (error) {
    // Whose login is over sees why elsewhere.
    if (problemOf(error).status === 401) return
    problem.value = problemOf(error)
    if (problem.value.status === 404 || problem.value.status === 422) show(undefined)
  } finally {
    isLoading.value = false
  }
}

const changed = (session: Session): Session => {
  put(session)
  tell({ kind: "session", session })
  return session
}

export const create = async (): Promise<Session> => changed(await Api.createSession())
export const reload = async (id: string): Promise<Session> => changed(await Api.getSession(id))
export const rename = async (id: string, name: string): Promise<Session> => changed(await Api.renameSession(id, name))

export const remove = async (id: string): Promise<void> => {
  await Api.deleteSession(id).catch((error) => {
    if (problemOf(error).status !== 404) throw error
  })
  drop(id)
  tell({ kind: "deleted", session_id: id })
}
