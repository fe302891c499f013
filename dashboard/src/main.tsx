/** The dashboard: a client of the API like any other. */
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app.js';
import { startLive, stopLive } from './state/live.js';
import { enter, entry } from './state/session.js';
import { startKeys } from './ui/keys.js';

const app = document.querySelector('#app') as HTMLElement;
app.replaceChildren();
render(<App />, app);
startKeys();
void enter();
effect(() => {
  if (entry.value.state === 'in') startLive();
  else stopLive();
});
