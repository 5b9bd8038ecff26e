import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Amounts are whole numbers of the currency's smallest unit. Nothing here says who paid.
  yield* sql`CREATE TABLE webhook_events (
    id text PRIMARY KEY,
    type text NOT NULL,
    created timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
  )`
  yield* sql`CREATE TABLE payments (
    id text PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('failed', 'succeeded', 'refunded')),
    amount bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamptz NOT NULL
  )`
  // How many payments have come to each status, and with what amount, so that a million need not be added up. Whoever
  // writes payments adds to it in the same transaction. What was refunded had succeeded, and stays among those.
  yield* sql`CREATE TABLE payment_totals (
    status text NOT NULL,
    currency text NOT NULL,
    payments bigint NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (status, currency)
  )`
  // `event_*` is the event that this is the state of: of all that come the last one stays, in whatever order.
  yield* sql`CREATE TABLE subscriptions (
    id text PRIMARY KEY,
    status text NOT NULL,
    collection_paused boolean NOT NULL,
    plan text NOT NULL,
    currency text NOT NULL,
    items jsonb NOT NULL,
    ended boolean NOT NULL,
    event_created timestamptz NOT NULL,
    event_order integer NOT NULL,
    event_id text COLLATE "C" NOT NULL
  )`
  yield* sql`CREATE INDEX subscriptions_paying ON subscriptions (plan)
    WHERE status IN ('active', 'past_due') AND NOT collection_paused`
})
