/** The part of this room that loads LangChain, behind one dynamic import. */
export * as CheckpointStaging from "./CheckpointStaging.ts"
export * as Graph from "./Graph.ts"
export * as Model from "./Model.ts"
