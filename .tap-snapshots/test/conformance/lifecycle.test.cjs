/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/conformance/lifecycle.test.ts > TAP > cancel in every status > cancel of a failed job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is failed; a finished job cannot be cancelled.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > cancel in every status > cancel of a success job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is success; a finished job cannot be cancelled.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > delete in every status > delete of a failed job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is failed; a finished job cannot be cancelled.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > delete in every status > delete of a success job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is success; a finished job cannot be cancelled.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > pause in every status > pause of a cancelled job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is cancelled; only a pending or running job can be paused.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > pause in every status > pause of a failed job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is failed; only a pending or running job can be paused.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > pause in every status > pause of a success job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is success; only a pending or running job can be paused.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > remove in every status > remove of a pending job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is pending; only a finished job can be removed.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > remove in every status > remove of a running job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is running; only a finished job can be removed.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > resume in every status > resume of a cancelled job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is cancelled; only a pending or running job can be resumed.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > resume in every status > resume of a failed job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is failed; only a pending or running job can be resumed.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > resume in every status > resume of a success job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is success; only a pending or running job can be resumed.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > retry in every status > retry of a cancelled job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is cancelled; only a failed job can be retried.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > retry in every status > retry of a pending job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is pending; only a failed job can be retried.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > retry in every status > retry of a running job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is running; only a failed job can be retried.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > retry in every status > retry of a success job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is success; only a failed job can be retried.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > run in every status > run of a cancelled job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is cancelled; only a pending job can be run now.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > run in every status > run of a failed job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is failed; only a pending job can be run now.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > run in every status > run of a running job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is running; only a pending job can be run now.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > run in every status > run of a success job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is success; only a pending job can be run now.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > update in every status > update of a cancelled job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is cancelled; only a pending job can be updated.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > update in every status > update of a failed job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is failed; only a pending job can be updated.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > update in every status > update of a running job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is running; only a pending job can be updated.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`

exports[`test/conformance/lifecycle.test.ts > TAP > update in every status > update of a success job 1`] = `
Object {
  "code": "conflict",
  "detail": "Job <id> is success; only a pending job can be updated.",
  "status": 409,
  "title": "The request conflicts with what is there",
  "type": "/problems/conflict",
}
`
