/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/api/render.test.ts > TAP > events have the form of the original, and a seq > must match snapshot 1`] = `
{"type":"job.scheduled","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":0,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"trigger_at":"2024-01-02T15:30:00+08:00","is_repeat":false},"seq":1}
{"type":"job.updated","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":0,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"trigger_at":"2024-01-02T15:30:00+08:00","is_repeat":true},"seq":2}
{"type":"job.started","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":1,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"attempt":1},"seq":3}
{"type":"job.completed","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":2,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"duration_ms":2050},"seq":4}
{"type":"job.failed","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":3,"timestamp":"2024-01-02T15:20:00+08:00","data":{"error":"connection \\"timeout\\""},"metadata":{"retry_count":1,"max_retries":3,"final":false},"seq":5}
{"type":"job.retrying","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":0,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"next_retry_at":"2024-01-02T15:25:00+08:00","retry_count":1},"seq":6}
{"type":"job.retrying","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":0,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"next_retry_at":"2024-01-02T15:20:00+08:00","retry_count":0,"manual":true},"seq":7}
{"type":"job.retrying","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":0,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"next_retry_at":"2024-01-02T15:20:00+08:00","retry_count":1,"interrupted":true},"seq":8}
{"type":"job.retrying","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":0,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"next_retry_at":"2024-01-02T15:20:00+08:00","retry_count":1,"snoozed":true},"seq":9}
{"type":"job.cancelled","job_id":"job_1704180000_688990c0","job_name":"payment_check","status":4,"timestamp":"2024-01-02T15:20:00+08:00","metadata":{"previous_status":"running"},"seq":10}
`

exports[`test/api/render.test.ts > TAP > what is left of attempts > must match snapshot 1`] = `
{"id":"job_1704180000_688990c0","name":"payment_check","status":"failed","trigger_at":"2024-01-02T15:30:00+08:00","retry_count":0,"max_retries":3,"created_at":"2024-01-02T15:20:00+08:00","updated_at":"2024-01-02T15:20:00+08:00","is_repeat":false,"retry_delay":"1m0s","backoff":"exponential","timeout":"5m0s","payload":{"order_id":"ORD-2024-001"},"started_at":"2024-01-02T15:20:00+08:00","finished_at":"2024-01-02T15:20:00+08:00","result_omitted":"larger than 64 KiB","last_error":{"name":"Error","message":"a \\"quoted\\"\\nline \\ud800","code":"handler_error","at":"2024-01-02T15:20:00+08:00"}}
`
