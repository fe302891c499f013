/** A record on disk is not what was written. Reported, never answered as if whole. */
export class DamagedRecord extends Error {
  override readonly name = 'DamagedRecord';
  constructor(
    readonly what: string,
    readonly how = 'does not match its checksum',
  ) {
    super(`${what} ${how}: the data directory is damaged`);
  }
}
