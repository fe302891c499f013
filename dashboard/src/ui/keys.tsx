/** Everything by keyboard: `j` and `k` walk over rows, letters after `g` change the screen, `/` searches, `?` lists them. */
import { signal } from '@preact/signals';
import { go } from '../state/router.js';
import { has, mayAct } from '../state/session.js';
import { Dialog } from './dialog.js';

const shown = signal(false);

const screens: Readonly<Record<string, string>> = {
  o: '/',
  j: '/jobs',
  s: '/schedules',
  t: '/types',
  f: '/failures',
  e: '/events',
  c: '/cluster',
  y: '/system',
};

const help: readonly (readonly [keys: string, what: string])[] = [
  ['/', 'search'],
  ['j  k', 'next row, previous row'],
  ['Enter', 'open the row'],
  ['x', 'select the row'],
  ['a', 'act on what is selected'],
  ['n', 'new job'],
  ['g o', 'Overview'],
  ['g j', 'Jobs'],
  ['g s', 'Schedules'],
  ['g t', 'Types'],
  ['g f', 'Failures'],
  ['g e', 'Events'],
  ['g c', 'Cluster'],
  ['g y', 'System'],
  ['Esc', 'leave a field, close a window'],
  ['?', 'this list'],
];

let afterG = false;

function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && (target as HTMLInputElement).type !== 'checkbox') {
    if (event.key === 'Escape') target.blur();
    return;
  }
  if (document.querySelector('dialog[open]')) return;
  if (afterG) {
    afterG = false;
    const path = screens[event.key];
    if (path !== undefined && (path !== '/cluster' || has('cluster'))) {
      event.preventDefault();
      return go(path);
    }
  }
  if (run(event.key)) event.preventDefault();
}

function run(key: string): boolean {
  switch (key) {
    case 'g':
      afterG = true;
      return true;
    case '?':
      shown.value = true;
      return true;
    case '/': {
      const field = document.querySelector<HTMLInputElement>('[data-search]');
      if (field) field.select();
      else go('/jobs', { focus: 'search' });
      return true;
    }
    case 'n':
      if (mayAct.value) go('/new');
      return true;
    case 'j':
    case 'k':
      return walk(key === 'j' ? 1 : -1);
    case 'x': {
      const row = document.activeElement?.closest('[data-row]');
      row?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click();
      return row !== null;
    }
    case 'a': {
      // It comes after all rows, of which there may be millions.
      const first = document.querySelector<HTMLElement>('.selection button');
      first?.focus();
      return first !== null;
    }
    default:
      return false;
  }
}

function walk(step: 1 | -1): boolean {
  const links = [...document.querySelectorAll<HTMLElement>('[data-row] [data-open]')];
  if (links.length === 0) return false;
  const row = document.activeElement?.closest('[data-row]');
  const at = links.findIndex((link) => row?.contains(link));
  const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step];
  next?.focus({ preventScroll: true });
  next?.closest('[data-row]')?.scrollIntoView({ block: 'nearest' });
  return true;
}

export function startKeys(): void {
  addEventListener('keydown', onKey);
}

export const showKeys = (): void => {
  shown.value = true;
};

export function Keys() {
  if (!shown.value) return null;
  return (
    <Dialog
      title="Keyboard"
      onClose={() => {
        shown.value = false;
      }}
    >
      <dl class="keys">
        {help
          .filter(([keys]) => !/^[nxa]$/.test(keys) || mayAct.value)
          .filter(([keys]) => keys !== 'g c' || has('cluster'))
          .map(([keys, what]) => (
            <div key={keys}>
              <dt>{keys.split(' ').map((key, at) => key !== '' && <kbd key={at}>{key}</kbd>)}</dt>
              <dd>{what}</dd>
            </div>
          ))}
      </dl>
    </Dialog>
  );
}
