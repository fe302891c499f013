/** On how many nodes the servers of tests run: `TEST_NODES=3 npm test -- conformance`. A file of its own, since much goes by it. */
const wanted = process.env.TEST_NODES;
if (wanted !== undefined && !/^[1-9]$/.test(wanted)) throw new Error('TEST_NODES is from 1 to 9');

/** How many nodes stand for each server of tests. Undefined: none, servers have data directories. */
export const testedNodes = wanted === undefined ? undefined : Number(wanted);
