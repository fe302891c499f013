/** Writes `lines` log lines, each of which names its attempt's context. */
export default (payload, ctx) => {
  for (let line = 0; line < (payload.lines ?? 1); line++) {
    ctx.log.info(`line ${line}`, { line, scheduledFor: ctx.scheduledFor });
  }
  if (payload.fieldsFirst) ctx.log.info({ first: true }, 'fields first');
  return { jobId: ctx.jobId, name: ctx.name, attempt: ctx.attempt, scheduledFor: ctx.scheduledFor };
};
