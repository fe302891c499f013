/** The schemas that have a name of their own in documents: what clients will have types of. */
import type { TSchema } from '../../schema/typebox.js';
import * as answers from '../answers.js';
import { bulk, bulkList, bulkPreview, failures, foundJobs } from '../finding/answers.js';
import { bulkFilter, bulkSchema } from '../finding/bulk-schema.js';
import { logLine, logLines } from '../logs/schemas.js';
import { askedFilter } from '../messages.js';
import { run, runList } from '../runs/schemas.js';
import { backupSchema, holdSchema, jobSchema, patchSchema, pauseSchema } from '../schemas.js';

/** A part of a document: plain JSON. */
export type Json = { readonly [field: string]: unknown };

export const named = {
  NewJob: jobSchema,
  JobChange: patchSchema,
  NewPause: pauseSchema,
  NewHold: holdSchema,
  NewBackup: backupSchema,
  NewBulk: bulkSchema,
  BulkFilter: bulkFilter,
  Filter: askedFilter,
  Job: answers.job,
  JobDetail: answers.jobDetail,
  JobList: answers.jobList,
  MadeJobs: answers.madeJobs,
  FoundJobs: foundJobs,
  Failures: failures,
  Bulk: bulk,
  BulkPreview: bulkPreview,
  BulkList: bulkList,
  Run: run,
  RunList: runList,
  LogLine: logLine,
  LogLines: logLines,
  Stats: answers.stats,
  Health: answers.health,
  Ready: answers.ready,
  Live: answers.live,
  ServerPause: answers.serverPause,
  JobTypes: answers.jobTypes,
  JobTypeItem: answers.oneJobType,
  Backup: answers.backup,
  Index: answers.index,
  Problem: answers.problem,
  JobId: answers.jobId,
  JobType: answers.jobType,
  Instant: answers.instant,
  Duration: answers.duration,
} as const satisfies Record<string, TSchema>;

export type SchemaName = keyof typeof named;
