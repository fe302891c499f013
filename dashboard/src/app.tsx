/** Which screen is shown. */
import '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ClusterScreen } from './screens/cluster.js';
import { EventsScreen } from './screens/events.js';
import { FailuresScreen } from './screens/failures.js';
import { JobScreen } from './screens/job.js';
import { JobsScreen } from './screens/jobs.js';
import { NewJob } from './screens/new-job.js';
import { Overview } from './screens/overview.js';
import { SchedulesScreen } from './screens/schedules.js';
import { SystemScreen } from './screens/system.js';
import { TypeScreen, TypesScreen } from './screens/types.js';
import { place, segments } from './state/router.js';
import { enter, entry } from './state/session.js';
import { Empty, Failed, Screen } from './ui/basics.js';
import { Shell, TokenPage } from './ui/shell.js';

export function App() {
  const at = entry.value;
  if (at.state === 'token') return <TokenPage refused={at.refused} />;
  if (at.state === 'unreachable')
    return (
      <main class="gate">
        <Failed error={at.error} retry={() => void enter()} />
      </main>
    );
  if (at.state === 'entering') return null;
  return (
    <Shell>
      <Current />
    </Shell>
  );
}

const titles: Readonly<Record<string, string>> = { '': 'Overview', new: 'New job' };

function Current() {
  const [first = '', second] = segments.value;
  const { path } = place.value;
  useEffect(() => {
    const name = titles[first] ?? first.charAt(0).toUpperCase() + first.slice(1);
    document.title = `${second ?? name} · Escapement`;
    scrollTo(0, 0);
  }, [path]);
  switch (first) {
    case '':
      return <Overview />;
    case 'jobs':
      return second === undefined ? <JobsScreen /> : <JobScreen key={second} id={second} />;
    case 'schedules':
      return <SchedulesScreen />;
    case 'types':
      return second === undefined ? <TypesScreen /> : <TypeScreen key={second} name={second} />;
    case 'failures':
      return <FailuresScreen />;
    case 'events':
      return <EventsScreen />;
    case 'cluster':
      return <ClusterScreen />;
    case 'system':
      return <SystemScreen />;
    case 'new':
      return <NewJob />;
    default:
      return (
        <Screen title="Nothing here">
          <Empty title={`There is no screen “${path}”.`}>
            <a href="#/">Overview</a>
          </Empty>
        </Screen>
      );
  }
}
