/** The page at /app: a person talks to Parley with what everybody else has too, the API. */
import { effect, untracked } from "@preact/signals"
import { render } from "preact"
import { announce, Announcer } from "./Announcer.tsx"
import * as Budget from "./Budget.ts"
import { ChatPage } from "./ChatPage.tsx"
import * as Conversations from "./Conversations.ts"
import { asked } from "./Dialogs.tsx"
import { loggedOutBecause, login, logOut } from "./Login.ts"
import { LoginPage } from "./LoginPage.tsx"
import * as Sessions from "./Sessions.ts"
import { listen } from "./Tabs.ts"

/** Nothing of one person is there for the next. */
const forget = () => {
  Conversations.forgetAll()
  Sessions.clear()
  Budget.month.value = undefined
  asked.value = undefined
  announce("")
}

const leave = () => {
  Sessions.show(undefined)
  void logOut()
}

listen((news) => {
  if (news.kind === "session") Sessions.put(news.session)
  else if (news.kind === "said") Conversations.heard(news.session_id, news.messages)
  else {
    Conversations.forget(news.session_id)
    Sessions.drop(news.session_id)
  }
})

let person: string | undefined
let isIn = false
effect(() => {
  const known = login.value
  untracked(() => {
    const isNew = known !== undefined && (!isIn || known.email !== person)
    isIn = known !== undefined
    // Whose login ran out finds everything as it was, if they log in again.
    const isOver =
      known === undefined ? loggedOutBecause.value === undefined : person !== undefined && known.email !== person
    if (isOver) forget()
    if (known !== undefined) person = known.email
    if (isNew) void Promise.all([Sessions.load(), Budget.load()])
  })
})

const Page = () => (
  <>
    {login.value === undefined ? <LoginPage /> : <ChatPage onLogOut={leave} />}
    <Announcer />
  </>
)

const root = document.querySelector("#page")
if (root !== null) render(<Page />, root)
