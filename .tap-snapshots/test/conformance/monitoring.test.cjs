/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/conformance/monitoring.test.ts > TAP > health > must match snapshot 1`] = `
Object {
  "status": "healthy",
  "time": "<instant>",
  "version": "v1.0.0",
}
`

exports[`test/conformance/monitoring.test.ts > TAP > the job types with their options > must match snapshot 1`] = `
Array [
  Object {
    "concurrency": 7,
    "counts": Object {
      "due": 0,
      "pending": 0,
      "running": 0,
    },
    "description": "Knows all options",
    "group_concurrency": null,
    "handler": Object {
      "concurrency": 7,
      "group_concurrency": null,
      "rate": null,
    },
    "max_retries": 11,
    "name": "full",
    "rate": null,
    "recent": Object {
      "duration_p50_ms": null,
      "duration_p99_ms": null,
      "failed": 0,
      "lateness_p99_ms": null,
      "span": "1m0s",
      "started": 0,
      "succeeded": 0,
    },
    "retry_delay": "2m0s",
    "timeout": "1m30s",
  },
  Object {
    "concurrency": null,
    "counts": Object {
      "due": 0,
      "pending": 0,
      "running": 0,
    },
    "description": "",
    "group_concurrency": null,
    "handler": Object {
      "concurrency": null,
      "group_concurrency": null,
      "rate": null,
    },
    "max_retries": 3,
    "name": "plain",
    "rate": null,
    "recent": Object {
      "duration_p50_ms": null,
      "duration_p99_ms": null,
      "failed": 0,
      "lateness_p99_ms": null,
      "span": "1m0s",
      "started": 0,
      "succeeded": 0,
    },
    "retry_delay": "1m0s",
    "timeout": "5m0s",
  },
]
`
