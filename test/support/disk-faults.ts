/** What a write throws when there is no room; anything else that it throws ends the process. */
export class DiskFull extends Error {}

/** What a write throws when the disk fails although it has room. */
export class DiskBroken extends Error {}

/** Another shard of the cluster has a key that the commit names: nothing of it is there. */
export class KeyClaimed extends Error {
  override readonly name = 'KeyClaimed';
}
