/** What a figure depends on: the machine, the versions, the settings. Nothing here names a place or a person. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { arch, cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from './processes.js';

export interface Facts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly fileSystem: string;
  readonly node: string;
  /** Abbreviated; `+` when the work tree differs from it. */
  readonly commit: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Load average of the last minute when the bench began: over 1 means that the machine was not ours alone. */
  readonly load: number;
}

const libraries = ['uWebSockets.js', 'lmdb', 'piscina', 'typebox', 'roaring-wasm'];
/** From linux/magic.h. */
const fileSystems: Readonly<Record<string, string>> = {
  '0xef53': 'ext4',
  '0x58465342': 'xfs',
  '0x9123683e': 'btrfs',
  '0x1021994': 'tmpfs',
  '0x794c7630': 'overlayfs',
  '0x2fc12fc1': 'zfs',
};

export function readFacts(): Facts {
  const type = `0x${statfsSync(process.env.BENCH_DIR ?? tmpdir()).type.toString(16)}`;
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `Linux ${release().replace(/-.*/, '')} ${arch()}`,
    fileSystem: fileSystems[type] ?? type,
    node: process.version,
    commit: commit(),
    versions: Object.fromEntries(libraries.map((name) => [name, versionOf(name)])),
    load: Number(loadavg()[0]!.toFixed(2)),
  };
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed =
      git('status', '--porcelain', '--untracked-files=no', 'src', 'bench', 'package.json', ':!bench/results') !== '';
    return git('rev-parse', '--short', 'HEAD') + (changed ? '+' : '');
  } catch {
    return 'unknown';
  }
}

function versionOf(name: string): string {
  try {
    return (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string })
      .version;
  } catch {
    return 'unknown';
  }
}
