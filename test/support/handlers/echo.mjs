/** Returns its payload. */
export default async (payload) => payload;
