/** What stands around every screen: where one is, whether the server is there and well, and the token where it asks for one. */
import { effect, signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { getHealth } from '../state/api.js';
import { compact } from '../state/format.js';
import { connection, connectNow, stats } from '../state/live.js';
import { useLoad } from '../state/load.js';
import { href, segments } from '../state/router.js';
import { client, has, hasToken, mayAct, useToken, version } from '../state/session.js';
import { useInView } from './basics.js';
import { ask, Notes, note, Questions } from './dialog.js';
import { Mark, Sign } from './icons.js';
import { Keys, showKeys } from './keys.js';

type Theme = 'system' | 'light' | 'dark';
const themes: readonly Theme[] = ['system', 'light', 'dark'];
const themeKey = 'escapement.theme';

function storedTheme(): Theme {
  try {
    return themes.find((one) => one === localStorage.getItem(themeKey)) ?? 'system';
  } catch {
    return 'system';
  }
}

export const theme = signal<Theme>(storedTheme());
const darkSystem = matchMedia('(prefers-color-scheme: dark)');
/** The system's colours are dark ones. What is drawn on a canvas does not follow by itself. */
export const isDark = signal(darkSystem.matches);
darkSystem.addEventListener('change', () => {
  isDark.value = darkSystem.matches;
});
effect(() => {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  try {
    if (theme.value === 'system') localStorage.removeItem(themeKey);
    else localStorage.setItem(themeKey, theme.value);
  } catch {
    // It holds until the next reload then.
  }
});

const screens: readonly { path: string; name: string; sign: Sign; needs?: string }[] = [
  { path: '/', name: 'Overview', sign: 'overview' },
  { path: '/jobs', name: 'Jobs', sign: 'jobs' },
  { path: '/schedules', name: 'Schedules', sign: 'clock' },
  { path: '/types', name: 'Types', sign: 'types' },
  { path: '/failures', name: 'Failures', sign: 'failed', needs: 'failures' },
  { path: '/events', name: 'Events', sign: 'events' },
  { path: '/cluster', name: 'Cluster', sign: 'cluster', needs: 'cluster' },
  { path: '/system', name: 'System', sign: 'system', needs: 'system' },
];

export function Shell({ children }: { readonly children: ComponentChildren }) {
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <div class="frame">
        <Side />
        <main id="main" tabIndex={-1}>
          <Notices />
          {children}
        </main>
      </div>
      <Questions />
      <Keys />
      <Notes />
    </>
  );
}

/** No link: the address belongs to the screens. */
function skip(): void {
  document.querySelector<HTMLElement>('main')?.focus();
}

function Side() {
  const [first = ''] = segments.value;
  // Where there is little room, the screens are a line that scrolls.
  useInView('.side [aria-current]', first);
  return (
    <div class="side">
      <a class="brand" href={href('/')}>
        <Mark />
        <span>Escapement</span>
      </a>
      <nav aria-label="Screens">
        {screens
          .filter(({ needs }) => needs === undefined || has(needs))
          .map(({ path, name, sign }) => (
            <a key={path} href={href(path)} aria-current={path === `/${first}` ? 'page' : undefined}>
              <Sign of={sign} size={15} />
              <span>{name}</span>
              <Counted path={path} />
            </a>
          ))}
        {mayAct.value && (
          <a href={href('/new')} class="nav-new" aria-current={first === 'new' ? 'page' : undefined}>
            <Sign of="plus" size={15} />
            <span>New job</span>
          </a>
        )}
      </nav>
      <Foot />
    </div>
  );
}

function Counted({ path }: { readonly path: string }) {
  const given = stats.value;
  if (path !== '/jobs' || given === undefined) return null;
  return (
    <span class="nav-count" title="pending and running">
      {compact(given.pending + given.running)}
    </span>
  );
}

function Foot() {
  const next = themes[(themes.indexOf(theme.value) + 1) % themes.length] as Theme;
  return (
    <div class="side-foot">
      <Connection />
      <div class="side-tools">
        <button
          type="button"
          class="icon-button"
          onClick={() => {
            theme.value = next;
          }}
          title={`Colours: ${theme.value}. Change to ${next}`}
          aria-label={`Colours: ${theme.value}. Change to ${next}`}
        >
          <Sign of="theme" />
        </button>
        <button type="button" class="icon-button" onClick={showKeys} title="Keyboard (?)" aria-label="Keyboard">
          <kbd>?</kbd>
        </button>
        <a class="icon-button" href="docs" title="The API, to read and to try" aria-label="The API, to read and to try">
          <Sign of="book" />
        </a>
        {hasToken() && (
          <button type="button" class="link" onClick={() => void useToken(undefined)}>
            Forget token
          </button>
        )}
        <span class="faint side-version">{version.value}</span>
      </div>
    </div>
  );
}

function Connection() {
  const state = connection.value;
  const text = {
    open: 'Live',
    connecting: 'Connecting',
    lost: 'Connection lost',
    refused: 'Refused',
    closed: 'Closed',
  }[state];
  return (
    <p class={`connection is-${state}`} role="status">
      <i />
      {text}
      {!mayAct.value && <span class="tag">read only</span>}
    </p>
  );
}

/** What everybody should know, whatever they look at. */
function Notices() {
  const health = useLoad('health', (signal) => getHealth(signal), { every: 5000 });
  const { data } = health;
  const lost = connection.value === 'lost';
  const resume = (): void =>
    ask({
      title: 'Resume the server',
      text: <p>The server starts jobs again. What was held runs now, late.</p>,
      verb: 'Resume the server',
      run: async () => {
        await client.resume();
        note('The server has been resumed.');
        health.reload();
      },
    });
  return (
    <>
      {lost && (
        <div class="notice is-bad" role="alert">
          <Sign of="warn" />
          <p>
            The connection to the server is lost. What you see is from before; it goes on by itself when the server
            answers.
          </p>
          <button type="button" class="button" onClick={connectNow}>
            Try now
          </button>
        </div>
      )}
      {!lost && data !== undefined && data.status !== 'healthy' && (
        <div class="notice is-bad" role="alert">
          <Sign of="warn" />
          <p>
            The server is <b>{data.status}</b>: {data.reason}
          </p>
        </div>
      )}
      {data?.paused === true && (
        <div class="notice is-paused" role="status">
          <Sign of="paused" />
          <p>The server is paused: it takes jobs in and starts none.</p>
          {mayAct.value && (
            <button type="button" class="button" onClick={resume}>
              Resume
            </button>
          )}
        </div>
      )}
    </>
  );
}

export function TokenPage({ refused }: { readonly refused: boolean }) {
  const [text, setText] = useState('');
  return (
    <main class="gate">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void useToken(text.trim());
        }}
      >
        <h1>
          <Mark /> Escapement
        </h1>
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            name="token"
            autocomplete="current-password"
            autofocus
            required
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        {refused && (
          <p class="field-error" role="alert">
            The server does not know this token.
          </p>
        )}
        <button type="submit" class="button is-main">
          Open
        </button>
        <p class="faint">
          The server was started with <code>--token</code>. It is kept until this tab is closed.
        </p>
      </form>
    </main>
  );
}
