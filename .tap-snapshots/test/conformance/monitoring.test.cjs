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
    "description": "Knows all options",
    "max_retries": 11,
    "name": "full",
    "retry_delay": "2m0s",
    "timeout": "1m30s",
  },
  Object {
    "concurrency": null,
    "description": "",
    "max_retries": 3,
    "name": "plain",
    "retry_delay": "1m0s",
    "timeout": "5m0s",
  },
]
`
