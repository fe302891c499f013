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
  list: () => new Array(1_000_000).fill(0),
  buffer: () => Buffer.alloc(64 * 1024 * 1024),
  many: () => Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`key ${n}`, { text: 'x'.repeat(10_000) }])),
  keys: () => Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`${n}${'x'.repeat(1000)}`, 0])),
  fits: () => ({ text: 'x'.repeat(65_536 - 11) }),
  over: () => ({ text: 'x'.repeat(65_536 - 10) }),
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
