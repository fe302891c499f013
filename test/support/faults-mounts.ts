/**
 * A small disk for one test file. Mounting needs rights and must not outlive the test, so the file runs itself again in a
 * mount namespace of its own (`unshare`), which the kernel takes away with its last process. Import this before anything
 * else: in the outer process it never returns.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const inside = 'FAULTS_IN_OWN_MOUNTS';
const flags = process.getuid?.() === 0 ? '-m' : '-Urm';

/** False where the machine does not allow it. */
export const mountsPossible = process.env[inside] === '1';

if (!mountsPossible && mayUnshare()) {
  const env = { ...process.env, [inside]: '1' };
  const args = [flags, process.execPath, ...process.execArgv, process.argv[1]!];
  const { status, signal } = spawnSync('unshare', args, { stdio: 'inherit', env });
  process.exit(status ?? (signal === null ? 1 : 128));
}

function mayUnshare(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'escapement-mount-'));
  try {
    const script = 'mount -t tmpfs -o size=1m none "$0" && umount "$0"';
    return spawnSync('unshare', [flags, 'sh', '-c', script, folder], { stdio: 'ignore' }).status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const mounted: string[] = [];
process.on('exit', () => {
  for (const folder of mounted) {
    spawnSync('umount', ['-l', folder], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A file system in memory of that size, gone with this process. */
export function smallDisk(mebibytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'escapement-disk-'));
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', folder]);
  if (status !== 0) throw new Error(`mount: ${String(stderr)}`);
  mounted.push(folder);
  return folder;
}

/** A file system that cannot be written, with empty folders in it, gone with this process. */
export function readOnlyDisk(folders: readonly string[]): string {
  const disk = smallDisk(1);
  for (const folder of folders) mkdirSync(join(disk, folder));
  const { status, stderr } = spawnSync('mount', ['-o', 'remount,ro', disk]);
  if (status !== 0) throw new Error(`mount: ${String(stderr)}`);
  return disk;
}
