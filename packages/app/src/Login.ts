/** Who is logged in, in all tabs of this browser: the tokens, and their refreshing. */
import { signal } from "@preact/signals"
import { Problem } from "./Problem.ts"
import type { Tokens } from "./types.ts"

export interface Login {
  readonly email: string
  readonly access_token: string
  readonly refresh_token: string
  /** Milliseconds, by this browser's clock: that of the server may be another. */
  readonly expires_at: number
}

const key = "parley.login"
/** A token is renewed so long before it expires that it does not expire under way. */
const margin = 10_000
/** How long the server is waited for, in milliseconds. */
const patience = 30_000
/** How long another tab may need for the answer to its refresh, in milliseconds. */
const otherTab = 1500

/** For browsers that let nothing be stored: then the login ends with the page. */
let unstored: Login | undefined

const isLogin = (value: Partial<Login> | null): value is Login =>
  typeof value?.email === "string" &&
  typeof value.access_token === "string" &&
  typeof value.refresh_token === "string" &&
  typeof value.expires_at === "number"

const read = (): Login | undefined => {
  try {
    const value: Partial<Login> | null = JSON.parse(localStorage.getItem(key) ?? "null")
    return isLogin(value) ? value : unstored
  } catch {
    return unstored
  }
}

export const login = signal(read())
/** Why the person was logged out, if they did not do it themselves. */
export const loggedOutBecause = signal<Problem | undefined>(undefined)

const keep = (value: Login | undefined): void => {
  try {
    if (value === undefined) localStorage.removeItem(key)
    else localStorage.setItem(key, JSON.stringify(value))
    unstored = undefined
  } catch {
    unstored = value
  }
  login.value = value
}

window.addEventListener("storage", (event) => {
  if (event.key === key || event.key === null) login.value = read()
})

const post = async (path: string, body: object, token?: string): Promise<Response> => {
  const response = await fetch(`/api/v1/auth/${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
    },
    body: JSON.stringify(body),
    // Of a connection on which nothing comes all tabs would wait, for the lock that this one has.
    signal: AbortSignal.timeout(patience)
  }).catch(() => undefined)
  if (response === undefined) throw Problem.unreachable()
  return response
}

const loginOf = (email: string, tokens: Tokens): Login => ({
  email,
  access_token: tokens.access_token,
  refresh_token: tokens.refresh_token,
  expires_at: Date.now() + tokens.expires_in * 1000
})

/** Begins a login, of an account that is there or of a new one. */
export const enter = async (how: "login" | "register", email: string, password: string): Promise<void> => {
  const response = await post(how, { email, password })
  if (!response.ok) throw await Problem.from(response)
  const tokens: Tokens = await response.json()
  loggedOutBecause.value = undefined
  keep(loginOf(email.trim(), tokens))
}

/** Also where the access token is not good any more: the refresh token may be, and outlives it by weeks. */
const end = async ({ access_token, refresh_token }: Login): Promise<void> => {
  const response = await post("logout", {}, access_token)
  if (response.status !== 401) return
  const renewed = await post("refresh", { refresh_token })
  if (!renewed.ok) return
  const tokens: Tokens = await renewed.json()
  await post("logout", {}, tokens.access_token)
}

/** Here at once, whether or not the server can be told. */
export const logOut = async (): Promise<void> => {
  const ended = login.value
  loggedOutBecause.value = undefined
  keep(undefined)
  if (ended !== undefined) await end(ended).catch(() => undefined)
}

const hasLocks = "locks" in navigator
let queue: Promise<unknown> = Promise.resolve()

/** A refresh token is good for one use, so one tab at a time. Without TLS browsers have no locks: then one in this tab. */
const exclusively = async (work: () => Promise<Login>): Promise<Login> => {
  if (hasLocks) return await navigator.locks.request("parley.refresh", work)
  const next = queue.then(work, work)
  queue = next.catch(() => undefined)
  return next
}

const refreshed = (used: Login): Promise<Login> =>
  exclusively(async () => {
    const current = read()
    if (current === undefined) throw new Problem({ status: 401 })
    // Another tab, or another request of this one, was quicker.
    if (current.access_token !== used.access_token) return current
    const response = await post("refresh", { refresh_token: current.refresh_token })
    if (response.ok) {
      const tokens: Tokens = await response.json()
      const next = loginOf(current.email, tokens)
      // Who logged out meanwhile stays logged out.
      if (read()?.access_token === used.access_token) keep(next)
      return next
    }
    const problem = await Problem.from(response)
    if (problem.status !== 401 && problem.status !== 422) throw problem
    // Without locks another tab may have used the token, and not have the answer yet.
    if (!hasLocks) await new Promise((resolve) => setTimeout(resolve, otherTab))
    const newer = read()
    if (newer !== undefined && newer.access_token !== used.access_token) return newer
    loggedOutBecause.value = new Problem({ status: 401 })
    keep(undefined)
    throw loggedOutBecause.value
  })

/** Gives an access token that is good for now to `ask`; once more with another one if it was not. */
export const authorized = async (ask: (token: string) => Promise<Response>): Promise<Response> => {
  const known = read()
  if (known === undefined) throw new Problem({ status: 401 })
  const current = known.expires_at < Date.now() + margin ? await refreshed(known) : known
  const first = await ask(current.access_token)
  const response = first.status === 401 ? await ask((await refreshed(current)).access_token) : first
  // The answer is for who asked, not for who is logged in by now.
  if (read()?.email !== known.email) throw new Problem({ status: 401 })
  return response
}
