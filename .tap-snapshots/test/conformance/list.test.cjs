/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/conformance/list.test.ts > TAP > status filters, alone and together with name > must match snapshot 1`] = `
Object {
  "items": Array [
    Object {
      "backoff": "exponential",
      "created_at": "<instant>",
      "finished_at": "<instant>",
      "id": "<id>",
      "is_repeat": false,
      "max_retries": 3,
      "name": "noop",
      "retry_count": 0,
      "retry_delay": "1m0s",
      "started_at": "<instant>",
      "status": "success",
      "timeout": "5m0s",
      "trigger_at": "<instant>",
      "updated_at": "<instant>",
    },
  ],
  "total": 1,
}
`
