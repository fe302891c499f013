/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > action constructor 1`] = `
Object {
  "code": "validation_failed",
  "message": "action must be one of subscribe, unsubscribe, ping, get_stats.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > action of the wrong type 1`] = `
Object {
  "code": "validation_failed",
  "message": "action must be one of subscribe, unsubscribe, ping, get_stats.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > array 1`] = `
Object {
  "code": "validation_failed",
  "message": "The message must be a JSON object.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > empty 1`] = `
Object {
  "code": "malformed_json",
  "message": "The message is not JSON.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > filter is a string 1`] = `
Object {
  "code": "validation_failed",
  "message": "filter must be an object with job_types, event_types and job_ids, or left out.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > filter is an array 1`] = `
Object {
  "code": "validation_failed",
  "message": "filter must be an object with job_types, event_types and job_ids, or left out.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > job_ids of null 1`] = `
Object {
  "code": "validation_failed",
  "message": "filter.job_ids[0] must be a job id of at most 128 characters.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > job_types is a string 1`] = `
Object {
  "code": "validation_failed",
  "message": "filter.job_types must be an array of strings.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > job_types of numbers 1`] = `
Object {
  "code": "validation_failed",
  "message": "filter.job_types[0] must be a name of a job type (characters out of A-Z, a-z, 0-9 and _ . : -).",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > no action 1`] = `
Object {
  "code": "validation_failed",
  "message": "action must be one of subscribe, unsubscribe, ping, get_stats.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > not JSON 1`] = `
Object {
  "code": "malformed_json",
  "message": "The message is not JSON.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > null 1`] = `
Object {
  "code": "validation_failed",
  "message": "The message must be a JSON object.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > number 1`] = `
Object {
  "code": "validation_failed",
  "message": "The message must be a JSON object.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > too many ids 1`] = `
Object {
  "code": "validation_failed",
  "message": "filter.job_ids may have at most 1000 ids.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > unknown action 1`] = `
Object {
  "code": "validation_failed",
  "message": "action must be one of subscribe, unsubscribe, ping, get_stats.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > unknown event type 1`] = `
Object {
  "code": "validation_failed",
  "message": "filter.event_types[0] must be one of job.scheduled, job.started, job.completed, job.failed, job.retrying, job.cancelled, job.updated, job.paused, job.resumed, job.progress, job.log.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > a bad message is answered and the connection lives > unknown field 1`] = `
Object {
  "code": "validation_failed",
  "message": "filter.job_names is not a field; there are job_types, event_types, job_ids.",
  "type": "error",
}
`

exports[`test/conformance/websocket.test.ts > TAP > ping and get_stats, also without a subscription > must match snapshot 1`] = `
Object {
  "data": Array [
    "cancelled",
    "completed",
    "connections",
    "connections_closed_slow",
    "failed",
    "heap_size",
    "last_event",
    "oldest_overdue_ms",
    "pending",
    "running",
    "started",
    "threads",
    "threads_busy",
    "uptime",
  ],
  "timestamp": "<instant>",
  "type": "stats",
}
`
