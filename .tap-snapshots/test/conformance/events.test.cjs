/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/conformance/events.test.ts > TAP > a job that fails once and then succeeds > must match snapshot 1`] = `
Array [
  Object {
    "job_id": "<id>",
    "job_name": "fail",
    "metadata": Object {
      "is_repeat": false,
      "trigger_at": "<instant>",
    },
    "seq": "<seq>",
    "status": 0,
    "timestamp": "<instant>",
    "type": "job.scheduled",
  },
  Object {
    "job_id": "<id>",
    "job_name": "fail",
    "metadata": Object {
      "attempt": 1,
    },
    "seq": "<seq>",
    "status": 1,
    "timestamp": "<instant>",
    "type": "job.started",
  },
  Object {
    "data": Object {
      "error": "connection timeout",
    },
    "job_id": "<id>",
    "job_name": "fail",
    "metadata": Object {
      "final": false,
      "max_retries": 2,
      "retry_count": 1,
    },
    "seq": "<seq>",
    "status": 3,
    "timestamp": "<instant>",
    "type": "job.failed",
  },
  Object {
    "job_id": "<id>",
    "job_name": "fail",
    "metadata": Object {
      "next_retry_at": "<instant>",
      "retry_count": 1,
    },
    "seq": "<seq>",
    "status": 0,
    "timestamp": "<instant>",
    "type": "job.retrying",
  },
  Object {
    "job_id": "<id>",
    "job_name": "fail",
    "metadata": Object {
      "attempt": 2,
    },
    "seq": "<seq>",
    "status": 1,
    "timestamp": "<instant>",
    "type": "job.started",
  },
  Object {
    "job_id": "<id>",
    "job_name": "fail",
    "metadata": Object {
      "duration_ms": "<ms>",
    },
    "seq": "<seq>",
    "status": 2,
    "timestamp": "<instant>",
    "type": "job.completed",
  },
]
`

exports[`test/conformance/events.test.ts > TAP > cancelling tells the status before > must match snapshot 1`] = `
Array [
  Object {
    "job_id": "<id>",
    "job_name": "noop",
    "metadata": Object {
      "previous_status": "pending",
    },
    "seq": "<seq>",
    "status": 4,
    "timestamp": "<instant>",
    "type": "job.cancelled",
  },
  Object {
    "job_id": "<id>",
    "job_name": "sleep",
    "metadata": Object {
      "previous_status": "running",
    },
    "seq": "<seq>",
    "status": 4,
    "timestamp": "<instant>",
    "type": "job.cancelled",
  },
]
`
