/**
 * For threads of ours that run nothing of the user's: what the user has Node load first (`--import`, `--require`, also by
 * NODE_OPTIONS) is for the server and its handlers. The thread that notices stops would not have the memory for it.
 */
export function plainThread(): { execArgv: string[]; env: NodeJS.ProcessEnv } {
  return { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } };
}
