/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/server/jobs.test.ts > TAP > a creation answers 201, its place, and the job without its payload > must match snapshot 1`] = `
{"id":"job_1704180000_688990c0","name":"payment_check","status":"pending","trigger_at":"2024-01-02T15:30:00+08:00","next_run_in":"10m0s","retry_count":0,"max_retries":3,"created_at":"2024-01-02T15:20:00+08:00","updated_at":"2024-01-02T15:20:00+08:00","is_repeat":false,"retry_delay":"1m0s","backoff":"exponential","timeout":"5m0s"}
`

exports[`test/server/jobs.test.ts > TAP > a problem document > must match snapshot 1`] = `
{"type":"/problems/validation_failed","title":"The request is not valid","status":400,"detail":"/more is not a field of this request; there are name, delay, trigger_at, cron_expr, timezone, is_repeat, payload, max_retries, retry_delay, backoff, timeout, misfire, priority, tags, group, expires_after, max_retry_delay, retry_jitter, start_at, end_at, max_runs, jitter, overlap, key, if_exists, key_ttl. And 1 more fault: see errors.","code":"validation_failed","errors":[{"path":"/more","message":"is not a field of this request; there are name, delay, trigger_at, cron_expr, timezone, is_repeat, payload, max_retries, retry_delay, backoff, timeout, misfire, priority, tags, group, expires_after, max_retry_delay, retry_jitter, start_at, end_at, max_runs, jitter, overlap, key, if_exists, key_ttl"},{"path":"/delay","message":"has no unit; write a number with a unit, such as 300ms, 10m or 1h30s"}]}
`

exports[`test/server/jobs.test.ts > TAP > lists > must match snapshot 1`] = `
{"total":156,"items":[{"id":"job_1704180000_d1132181","name":"payment_check","status":"pending","trigger_at":"2024-01-02T15:25:30+08:00","next_run_in":"5m30s","retry_count":0,"max_retries":3,"is_repeat":false,"created_at":"2024-01-02T15:20:00+08:00","updated_at":"2024-01-02T15:20:00+08:00","retry_delay":"1m0s","backoff":"exponential","timeout":"5m0s"},{"id":"job_1704180000_688990c0","name":"payment_check","status":"pending","trigger_at":"2024-01-02T15:30:00+08:00","next_run_in":"10m0s","retry_count":0,"max_retries":3,"is_repeat":false,"created_at":"2024-01-02T15:20:00+08:00","updated_at":"2024-01-02T15:20:00+08:00","retry_delay":"1m0s","backoff":"exponential","timeout":"5m0s","result":1}]}
`

exports[`test/server/jobs.test.ts > TAP > one job > must match snapshot 1`] = `
{"id":"job_1704180000_688990c0","name":"payment_check","status":"pending","trigger_at":"2024-01-02T15:30:00+08:00","next_run_in":"10m0s","retry_count":1,"max_retries":3,"created_at":"2024-01-02T15:20:00+08:00","updated_at":"2024-01-02T15:20:00+08:00","is_repeat":false,"retry_delay":"1m0s","backoff":"exponential","timeout":"5m0s","payload":{"order_id":"ORD-2024-001"}}
`

exports[`test/server/jobs.test.ts > TAP > the other documents > must match snapshot 1`] = `
{"total":3,"items":[{"name":"daily_report","description":"what daily_report does","timeout":"5m0s","concurrency":null,"max_retries":3,"retry_delay":"1m0s","group_concurrency":null,"rate":null,"handler":{"concurrency":null,"group_concurrency":null,"rate":null},"counts":{"pending":0,"due":0,"running":0},"recent":{"span":"1m0s","started":0,"succeeded":0,"failed":0,"lateness_p99_ms":null,"duration_p50_ms":null,"duration_p99_ms":null}},{"name":"email_send","description":"what email_send does","timeout":"5m0s","concurrency":5,"max_retries":3,"retry_delay":"1m0s","group_concurrency":null,"rate":null,"handler":{"concurrency":5,"group_concurrency":null,"rate":null},"counts":{"pending":0,"due":0,"running":0},"recent":{"span":"1m0s","started":0,"succeeded":0,"failed":0,"lateness_p99_ms":null,"duration_p50_ms":null,"duration_p99_ms":null}},{"name":"payment_check","description":"what payment_check does","timeout":"5m0s","concurrency":null,"max_retries":3,"retry_delay":"1m0s","group_concurrency":null,"rate":null,"handler":{"concurrency":null,"group_concurrency":null,"rate":null},"counts":{"pending":0,"due":0,"running":0},"recent":{"span":"1m0s","started":0,"succeeded":0,"failed":0,"lateness_p99_ms":null,"duration_p50_ms":null,"duration_p99_ms":null}}],"threads":2,"attempts_per_thread":256}
`
