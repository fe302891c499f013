/** One change of a source file. */
export const change = (file, find, replace) => ({ file, find, replace });
