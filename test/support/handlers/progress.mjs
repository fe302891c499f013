/** Says how far it has come: each of `values`; `spins` ms long in a tight loop; what it throws is the result. */
export default async ({ values = [], spins, odd, last }, { progress }) => {
  const thrown = [];
  const attempt = (value) => {
    try {
      progress(value);
    } catch (error) {
      thrown.push(`${error.name}: ${error.message}`);
    }
  };
  for (const value of values) attempt(value);
  if (odd) attempt(oddities[odd]());
  if (spins) {
    const end = performance.now() + spins;
    for (let i = 0; performance.now() < end; i++) progress({ i });
  }
  if (last !== undefined) progress(last);
  return thrown;
};

const oddities = {
  cycle: () => {
    const value = {};
    value.value = value;
    return value;
  },
  bigint: () => ({ n: 1n }),
  huge: () => 'x'.repeat(5_000_000),
  function: () => () => {},
  undefined: () => undefined,
  nan: () => Number.NaN,
};
