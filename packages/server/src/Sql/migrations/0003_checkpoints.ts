import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import * as CheckpointTables from "../../Agent/CheckpointTables.ts"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* CheckpointTables.create
  // LangGraph's tables know threads only as text, so a foreign key cannot clean up after a session; this does,
  // whether the session goes alone or with its user.
  yield* sql`CREATE FUNCTION forget_thread() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      DELETE FROM checkpoints WHERE thread_id = OLD.session_id::text;
      DELETE FROM checkpoint_blobs WHERE thread_id = OLD.session_id::text;
      DELETE FROM checkpoint_writes WHERE thread_id = OLD.session_id::text;
      RETURN NULL;
    END $$`
  yield* sql`CREATE TRIGGER forget_thread AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION forget_thread()`
})
