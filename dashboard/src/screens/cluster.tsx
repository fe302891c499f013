/** The nodes and shards of a cluster, and who owns what. A server by itself has no such screen. */
import { type Cluster, getCluster } from '../state/api.js';
import { count, duration } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { Failed, Panel, Screen, Waiting } from '../ui/basics.js';

type Node = Cluster['nodes'][number];
type Shard = Cluster['shards'][number];

export function ClusterScreen() {
  const { data, error, reload } = useLoad('cluster', (signal) => getCluster(signal), { live: false, every: 2000 });
  if (data === undefined)
    return <Screen title="Cluster">{error ? <Failed error={error} retry={reload} /> : <Waiting lines={10} />}</Screen>;
  const addresses = new Map(data.nodes.map(({ node, address }) => [node, address]));
  return (
    <Screen title="Cluster">
      <Panel title="Nodes">
        <div class="scroller">
          <table class="plain wide">
            <thead>
              <tr>
                <th>Address</th>
                <th>State</th>
                <th class="num">Shards</th>
                <th class="num">Last beat</th>
                <th class="num">Clock ahead</th>
                <th>Node</th>
              </tr>
            </thead>
            <tbody>
              {data.nodes.map((node) => (
                <NodeRow key={node.node} node={node} answers={node.node === data.node} />
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <Panel title="Shards" side={<span class="faint">positions of their logs, as their owners say</span>}>
        <div class="scroller">
          <table class="plain wide">
            <thead>
              <tr>
                <th class="num">Shard</th>
                <th>Owner</th>
                <th class="num">Epoch</th>
                <th class="num">Appended</th>
                <th class="num">To apply</th>
                <th class="num">To merge</th>
                <th class="num">Loads in</th>
              </tr>
            </thead>
            <tbody>
              {data.shards.map((shard) => (
                <ShardRow key={shard.shard} shard={shard} address={addresses.get(shard.owner ?? '')} />
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </Screen>
  );
}

/** The scheme says nothing that tells nodes apart. */
const shown = (address: string): string => address.replace(/^https?:\/\//, '');

function NodeRow({ node: of, answers }: { readonly node: Node; readonly answers: boolean }) {
  const { node, address, state, shards, beat_age_ms: age, clock_offset_ms: offset } = of;
  return (
    <tr class={state === 'dead' ? 'faint' : ''}>
      <td class="address">
        {shown(address)}
        {answers && <span class="faint"> answers</span>}
      </td>
      <td class={state === 'dead' ? 'is-bad' : ''}>{state}</td>
      <td class="num">{count(shards)}</td>
      <td class="num">{age === undefined ? '' : duration(age)}</td>
      <td class="num">{offset === undefined ? '' : `${count(offset)} ms`}</td>
      <td class="faint">{node.slice(0, 8)}</td>
    </tr>
  );
}

function ShardRow({ shard: of, address }: { readonly shard: Shard; readonly address: string | undefined }) {
  const { shard, owner, epoch, appended, applied, merged, load_ms: load } = of;
  const behind = (position: number | undefined) =>
    appended === undefined || position === undefined ? '' : count(Math.max(0, appended - position));
  return (
    <tr>
      <td class="num">{shard}</td>
      <td class="address">
        {owner === null ? <i class="is-bad">nobody: its jobs wait</i> : address ? shown(address) : owner.slice(0, 8)}
      </td>
      <td class="num">{count(epoch)}</td>
      <td class="num">{appended === undefined ? '' : count(appended)}</td>
      <td class="num">{behind(applied)}</td>
      <td class="num">{behind(merged)}</td>
      <td class="num">{load === undefined ? '' : duration(load)}</td>
    </tr>
  );
}
