const odd = {
  cycle: () => {
    const value = {};
    value.self = value;
    return value;
  },
  function: () => () => {},
  symbol: () => Symbol('odd'),
  bigint: () => 42n,
  huge: () => 'x'.repeat(10 * 1024 * 1024 - 2),
  wide: () => '\u20ac'.repeat(30_000),
  hostile: () => ({
    toJSON() {
      throw undefined;
    },
  }),
  thenable: () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what is odd about it
    get then() {
      throw new Error('do not look');
    },
  }),
  null: () => null,
  nan: () => ({ value: NaN }),
};

/** Returns something that is not an ordinary result. */
export default ({ what }) => odd[what]();
