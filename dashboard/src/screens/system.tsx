/** The server itself: what it is made of, what it was told, and how its parts are. */
import { getSystem } from '../state/api.js';
import { bytes, count, duration } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { Fact, Facts, Failed, Panel, Screen, Waiting, When } from '../ui/basics.js';

type Fields = Readonly<Record<string, unknown>>;

const titles: Readonly<Record<string, string>> = {
  threads: 'Threads',
  store: 'Store',
  events: 'Events',
  http: 'HTTP',
  options: 'Options in force',
};

export function SystemScreen() {
  const system = useLoad('system', (signal) => getSystem(signal), { live: false, every: 2000 });
  const { data } = system;
  if (data === undefined)
    return (
      <Screen title="System">
        {system.error ? <Failed error={system.error} retry={system.reload} /> : <Waiting lines={10} />}
      </Screen>
    );
  const plain = Object.entries(data).filter(([, value]) => typeof value !== 'object');
  const parts = Object.entries(data).filter(([, value]) => typeof value === 'object' && value !== null);
  return (
    <Screen title="System">
      <div class="columns is-three">
        <Part title="Process" fields={Object.fromEntries(plain)} />
        {parts
          .filter(([name]) => name !== 'options')
          .map(([name, fields]) => (
            <Part key={name} title={titles[name] ?? name} fields={fields as Fields} />
          ))}
      </div>
      {data.options !== undefined && (
        <div>
          <Panel title="Options in force" side={<span class="faint">secrets are never shown</span>}>
            <dl class="facts is-wide">
              {Object.entries(data.options as Fields).map(([name, value]) => (
                <Fact key={name} name={`--${name.replaceAll('_', '-')}`}>
                  <span class={value === null || value === false ? 'faint' : ''}>
                    {value === null ? 'not set' : shown(name, value)}
                  </span>
                </Fact>
              ))}
            </dl>
          </Panel>
        </div>
      )}
    </Screen>
  );
}

function Part({ title, fields }: { readonly title: string; readonly fields: Fields }) {
  return (
    <Panel title={title}>
      <Facts>
        {Object.entries(fields).map(([name, value]) => (
          <Fact key={name} name={label(name)}>
            {shown(name, value)}
          </Fact>
        ))}
      </Facts>
    </Panel>
  );
}

const label = (name: string): string => {
  if (name === 'tls') return 'TLS';
  const text = name.replace(/_(ms|bytes|at)$/, '').replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
};

function shown(name: string, value: unknown) {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') {
    if (name.endsWith('_bytes')) return bytes(value);
    if (name.endsWith('_ms')) return duration(value);
    return name === 'port' ? String(value) : count(value);
  }
  if (name.endsWith('_at')) return <When at={String(value)} />;
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
