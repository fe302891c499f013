const hostile = {
  get() {
    throw new Error('do not look');
  },
  has() {
    throw new Error('do not look');
  },
  getPrototypeOf() {
    throw new Error('do not look');
  },
  ownKeys() {
    throw new Error('do not look');
  },
};

const odd = {
  undefined: () => undefined,
  null: () => null,
  symbol: () => Symbol('odd'),
  text: () => 'plain text',
  number: () => 42,
  proxy: () => new Proxy({}, hostile),
  getters: () => ({
    get name() {
      throw new Error('do not look');
    },
    get message() {
      throw new Error('do not look');
    },
    get retryable() {
      throw new Error('do not look');
    },
  }),
  nameless: () => new Error(),
  long: () => new Error('long '.repeat(10_000)),
};

/** Throws something that is not an ordinary error. */
export default async ({ what }) => {
  throw odd[what]();
};
