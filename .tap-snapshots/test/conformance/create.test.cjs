/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/conformance/create.test.ts > TAP > a failed job shows its last error > must match snapshot 1`] = `
Object {
  "backoff": "exponential",
  "created_at": "<instant>",
  "finished_at": "<instant>",
  "id": "<id>",
  "is_repeat": false,
  "last_error": Object {
    "at": "<instant>",
    "code": "handler_error",
    "message": "card declined",
    "name": "Error",
  },
  "max_retries": 0,
  "name": "fail",
  "payload": Object {
    "message": "card declined",
  },
  "retry_count": 0,
  "retry_delay": "1m0s",
  "started_at": "<instant>",
  "status": "failed",
  "timeout": "5m0s",
  "trigger_at": "<instant>",
  "updated_at": "<instant>",
}
`

exports[`test/conformance/create.test.ts > TAP > a finished job shows when its latest attempt began and ended, and no next_run_in > must match snapshot 1`] = `
Object {
  "backoff": "exponential",
  "created_at": "<instant>",
  "finished_at": "<instant>",
  "id": "<id>",
  "is_repeat": false,
  "max_retries": 3,
  "name": "echo",
  "payload": Object {
    "a": Array [
      1,
      null,
      "é",
    ],
  },
  "result": Object {
    "a": Array [
      1,
      null,
      "é",
    ],
  },
  "retry_count": 0,
  "retry_delay": "1m0s",
  "started_at": "<instant>",
  "status": "success",
  "timeout": "5m0s",
  "trigger_at": "<instant>",
  "updated_at": "<instant>",
}
`

exports[`test/conformance/create.test.ts > TAP > a one-shot job shows these fields and no other > must match snapshot 1`] = `
Object {
  "backoff": "exponential",
  "created_at": "<instant>",
  "id": "<id>",
  "is_repeat": false,
  "max_retries": 3,
  "name": "noop",
  "next_run_in": "<duration>",
  "retry_count": 0,
  "retry_delay": "1m0s",
  "status": "pending",
  "timeout": "5m0s",
  "trigger_at": "<instant>",
  "updated_at": "<instant>",
}
`

exports[`test/conformance/create.test.ts > TAP > a repeating job shows its misfire rule and its counts > must match snapshot 1`] = `
Object {
  "backoff": "exponential",
  "created_at": "<instant>",
  "cron_expr": "0 0 9 1 1 *",
  "id": "<id>",
  "is_repeat": true,
  "max_retries": 3,
  "misfire": "run_once",
  "missed_count": 0,
  "name": "noop",
  "next_run_in": "<duration>",
  "payload": Object {},
  "retry_count": 0,
  "retry_delay": "1m0s",
  "run_count": 0,
  "skipped_count": 0,
  "status": "pending",
  "timeout": "5m0s",
  "timezone": "Asia/Shanghai",
  "trigger_at": "<instant>",
  "updated_at": "<instant>",
}
`
