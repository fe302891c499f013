/** Holds its thread for ever in a callback, which nobody awaits. */
export default () =>
  new Promise(() => {
    setTimeout(() => {
      for (;;);
    }, 5);
  });
