/** The chats, what the month has cost, and who is logged in. */
import { signal } from "@preact/signals"
import { month } from "./Budget.ts"
import { asked } from "./Dialogs.tsx"
import { focusTalk } from "./focus.ts"
import { Pencil, Plus, Trash } from "./icons.tsx"
import { login } from "./Login.ts"
import { ProblemNote } from "./ProblemNote.tsx"
import * as Sessions from "./Sessions.ts"
import type { Session } from "./types.ts"

/** Where there is little room, it is shown on demand. */
export const isOpen = signal(false)

const euros = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" })
const nextMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", timeZone: "UTC" })

const Item = ({ session }: { readonly session: Session }) => {
  const name = Sessions.nameOf(session)
  const isShown = Sessions.shown.value === session.session_id
  return (
    <li class={isShown ? "item shown" : "item"}>
      <a
        href={`#${session.session_id}`}
        title={name}
        aria-current={isShown ? "page" : undefined}
        onClick={() => {
          isOpen.value = false
        }}
      >
        {name}
      </a>
      <button
        type="button"
        class="icon"
        aria-label={`Rename ${name}`}
        onClick={() => {
          asked.value = { what: "rename", session }
        }}
      >
        <Pencil />
      </button>
      <button
        type="button"
        class="icon"
        aria-label={`Delete ${name}`}
        onClick={() => {
          asked.value = { what: "delete", session }
        }}
      >
        <Trash />
      </button>
    </li>
  )
}

const Budget = () => {
  const known = month.value
  if (known === undefined) return null
  const { cost_eur, limit_eur, target_eur } = known
  const share = limit_eur === 0 ? 1 : Math.min(1, cost_eur / limit_eur)
  const spent = cost_eur > 0 && cost_eur < 0.01 ? "less than 1 cent" : euros.format(cost_eur)
  const [year, monthNumber] = known.month.split("-").map(Number)
  const resets = nextMonth.format(Date.UTC(year ?? 0, monthNumber ?? 0, 1))
  const level = share >= 1 ? "spent" : cost_eur > target_eur ? "high" : "fine"
  return (
    <div class={`budget ${level}`}>
      <p id="budget">
        <span>This month</span>
        <span>
          {spent} of {euros.format(limit_eur)}
        </span>
      </p>
      <div
        class="meter"
        role="meter"
        aria-labelledby="budget"
        aria-valuemin={0}
        aria-valuemax={limit_eur}
        aria-valuenow={Math.min(cost_eur, limit_eur)}
        aria-valuetext={`${spent} of ${euros.format(limit_eur)}`}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
      {level !== "fine" && (
        <p class="hint">
          {level === "spent" ? "The budget is used up" : "More than a month should cost"}. It starts anew on {resets}.
        </p>
      )}
    </div>
  )
}

export const Sidebar = ({ onLogOut }: { readonly onLogOut: () => void }) => (
  <nav class={isOpen.value ? "sidebar open" : "sidebar"} id="sidebar" aria-label="Chats">
    <p class="brand">Parley</p>
    <button
      type="button"
      id="new-chat"
      class="new"
      onClick={() => {
        isOpen.value = false
        Sessions.show(undefined)
        focusTalk()
      }}
    >
      <Plus /> New chat
    </button>
    <div class="list">
      <ul>
        {Sessions.sessions.value.map((session) => (
          <Item key={session.session_id} session={session} />
        ))}
      </ul>
      {Sessions.problem.value !== undefined && (
        <ProblemNote
          problem={Sessions.problem.value}
          retry={{ label: "Try again", onRetry: () => void Sessions.load() }}
        />
      )}
      {Sessions.isLoading.value && Sessions.sessions.value.length === 0 && <p class="hint">Loading …</p>}
      {Sessions.hasMore.value && !Sessions.isLoading.value && (
        <button type="button" class="link" onClick={() => void Sessions.load()}>
          Show older chats
        </button>
      )}
    </div>
    <Budget />
    <div class="account">
      <span title={login.value?.email}>{login.value?.email}</span>
      <button type="button" class="small" onClick={onLogOut}>
        Log out
      </button>
    </div>
  </nav>
)
