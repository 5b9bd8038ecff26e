import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // The lease is the right to write a turn: `lease_token` fences out a turn that lost it.
  yield* sql`CREATE TABLE sessions (
    session_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    lease_token uuid,
    lease_expires_at timestamptz
  )`
  yield* sql`CREATE INDEX sessions_by_user ON sessions (user_id, created_at DESC, session_id DESC)`
  // `position` orders a transcript: clocks of several servers may disagree, one turn at a time does not.
  // The key has the session in it because clients make the ids of their messages.
  yield* sql`CREATE TABLE messages (
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    id uuid NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    role text NOT NULL CHECK (role IN ('user', 'assistant')),
    content text NOT NULL,
    timestamp timestamptz NOT NULL,
    PRIMARY KEY (session_id, id)
  )`
  yield* sql`CREATE UNIQUE INDEX messages_in_order ON messages (session_id, position)`
  // What each turn cost. It outlives the session, because it was spent; it goes with the account.
  yield* sql`CREATE TABLE usage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    session_id uuid,
    message_id uuid,
    model text NOT NULL,
    input_tokens integer NOT NULL,
    output_tokens integer NOT NULL,
    cost_eur numeric(14, 8) NOT NULL,
    estimated boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
  )`
  yield* sql`CREATE INDEX usage_by_user ON usage (user_id, created_at)`
  yield* sql`CREATE INDEX usage_by_answer ON usage (session_id, message_id)`
})
