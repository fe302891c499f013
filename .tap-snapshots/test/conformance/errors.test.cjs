/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/conformance/errors.test.ts > TAP > all faults of a request are reported together > must match snapshot 1`] = `
Object {
  "code": "validation_failed",
  "detail": "/bogus is not a field of this request; there are name, delay, trigger_at, cron_expr, timezone, is_repeat, payload, max_retries, retry_delay, backoff, timeout, misfire, priority, tags, group, expires_after, max_retry_delay, retry_jitter, start_at, end_at, max_runs, jitter, overlap, key, if_exists, key_ttl. And 10 more faults: see errors.",
  "errors": Array [
    Object {
      "message": "is not a field of this request; there are name, delay, trigger_at, cron_expr, timezone, is_repeat, payload, max_retries, retry_delay, backoff, timeout, misfire, priority, tags, group, expires_after, max_retry_delay, retry_jitter, start_at, end_at, max_runs, jitter, overlap, key, if_exists, key_ttl",
      "path": "/bogus",
    },
    Object {
      "message": "is not a field of this request; there are name, delay, trigger_at, cron_expr, timezone, is_repeat, payload, max_retries, retry_delay, backoff, timeout, misfire, priority, tags, group, expires_after, max_retry_delay, retry_jitter, start_at, end_at, max_runs, jitter, overlap, key, if_exists, key_ttl",
      "path": "/more",
    },
    Object {
      "message": "must be a string of 1 to 128 characters out of A-Z, a-z, 0-9 and _ . : -",
      "path": "/name",
    },
    Object {
      "message": "must be true or false",
      "path": "/is_repeat",
    },
    Object {
      "message": "must be a JSON object",
      "path": "/payload",
    },
    Object {
      "message": "must be a whole number from 0 to 100",
      "path": "/max_retries",
    },
    Object {
      "message": "must be \\"exponential\\" or \\"fixed\\"",
      "path": "/backoff",
    },
    Object {
      "message": "must be \\"run_once\\" or \\"skip\\"",
      "path": "/misfire",
    },
    Object {
      "message": "has no unit; write a number with a unit, such as 300ms, 10m or 1h30s",
      "path": "/delay",
    },
    Object {
      "message": "must not have a sign; write a number with a unit, such as 300ms, 10m or 1h30s",
      "path": "/retry_delay",
    },
    Object {
      "message": "must be longer than 0",
      "path": "/timeout",
    },
  ],
  "status": 400,
  "title": "The request is not valid",
  "type": "/problems/validation_failed",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > malformed 1`] = `
Object {
  "code": "malformed_json",
  "detail": "<detail>",
  "status": 400,
  "title": "The body is not JSON",
  "type": "/problems/malformed_json",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > method 1`] = `
Object {
  "code": "method_not_allowed",
  "detail": "This resource has the methods GET, HEAD, POST.",
  "status": 405,
  "title": "This resource does not have that method",
  "type": "/problems/method_not_allowed",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > missing 1`] = `
Object {
  "code": "validation_failed",
  "detail": "/name is required. And 1 more fault: see errors.",
  "errors": Array [
    Object {
      "message": "is required",
      "path": "/name",
    },
    Object {
      "message": "must have one of delay, trigger_at and cron_expr",
      "path": "",
    },
  ],
  "status": 400,
  "title": "The request is not valid",
  "type": "/problems/validation_failed",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > notFound 1`] = `
Object {
  "code": "not_found",
  "detail": "There is no job with this id; finished jobs are removed after the retention time.",
  "status": 404,
  "title": "There is nothing here",
  "type": "/problems/not_found",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > query 1`] = `
Object {
  "code": "validation_failed",
  "detail": "query.limit must be a whole number from 1 to 100 (a larger one is taken for 100).",
  "errors": Array [
    Object {
      "message": "must be a whole number from 1 to 100 (a larger one is taken for 100)",
      "path": "query.limit",
    },
  ],
  "status": 400,
  "title": "The request is not valid",
  "type": "/problems/validation_failed",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > route 1`] = `
Object {
  "code": "not_found",
  "detail": "No resource has this path. The API is at /api/v1, which lists its resources; events are at /ws and /api/v1/events.",
  "status": 404,
  "title": "There is nothing here",
  "type": "/problems/not_found",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > type 1`] = `
Object {
  "code": "unsupported_media_type",
  "detail": "The body must be JSON: send \\"Content-Type: application/json\\".",
  "status": 415,
  "title": "The body must be plain JSON",
  "type": "/problems/unsupported_media_type",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > unknownField 1`] = `
Object {
  "code": "validation_failed",
  "detail": "/bogus is not a field of this request; there are name, delay, trigger_at, cron_expr, timezone, is_repeat, payload, max_retries, retry_delay, backoff, timeout, misfire, priority, tags, group, expires_after, max_retry_delay, retry_jitter, start_at, end_at, max_runs, jitter, overlap, key, if_exists, key_ttl.",
  "errors": Array [
    Object {
      "message": "is not a field of this request; there are name, delay, trigger_at, cron_expr, timezone, is_repeat, payload, max_retries, retry_delay, backoff, timeout, misfire, priority, tags, group, expires_after, max_retry_delay, retry_jitter, start_at, end_at, max_runs, jitter, overlap, key, if_exists, key_ttl",
      "path": "/bogus",
    },
  ],
  "status": 400,
  "title": "The request is not valid",
  "type": "/problems/validation_failed",
}
`

exports[`test/conformance/errors.test.ts > TAP > the errors as they are written > unknownType 1`] = `
Object {
  "code": "unknown_job_type",
  "detail": "/name names no registered job type: there is no handler \\"nobody\\" (GET /api/v1/job-types lists all).",
  "errors": Array [
    Object {
      "message": "names no registered job type: there is no handler \\"nobody\\" (GET /api/v1/job-types lists all)",
      "path": "/name",
    },
  ],
  "status": 400,
  "title": "No handler is registered for this job type",
  "type": "/problems/unknown_job_type",
}
`
