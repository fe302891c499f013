/**
 * Jobs of one type and one priority that wait. Their groups take turns: the one whose turn it is stands first in a ring, and goes to its
 * end when a job of it has started. So no group waits while another one starts twice. What a step costs does not depend on
 * how many groups there are.
 */
import { DueHeap } from '../../domain/due-heap.js';
import { GroupQueue, type Groups, type Ring } from './groups.js';

/** Room in a heap at first. There may be tens of thousands of groups, and those without one are mostly all. */
const room = { grouped: 8, ungrouped: 64 } as const;
/** Where groups are many, most have one job that waits: their heaps come and go with each job. */
const sparesKept = 64;

/** See the head of this file. Due times are Unix milliseconds. */
export class GroupTurns implements Ring {
  readonly priority: number;
  readonly #groups: Groups;
  readonly #queues = new Map<string | undefined, GroupQueue>();
  /** Heaps of groups that are gone. */
  readonly #spares: DueHeap[] = [];
  #first: GroupQueue | undefined;
  #last: GroupQueue | undefined;
  #size = 0;
  #openJobs = 0;
  #openGroups = 0;
  /** Nothing that waits is due before this. */
  #floor = Number.POSITIVE_INFINITY;

  constructor(priority: number, groups: Groups) {
    this.priority = priority;
    this.#groups = groups;
  }

  get size(): number {
    return this.#size;
  }

  /** Jobs whose group has a place. */
  get open(): number {
    return this.#openJobs;
  }

  /** Jobs that no group keeps waiting, or fewer where each group has a limit: at least one of each that is open. */
  get startable(): number {
    return this.#groups.limit === Number.POSITIVE_INFINITY
      ? this.#openJobs
      : Math.min(this.#openJobs, this.#openGroups);
  }

  /** The group whose turn it is; undefined when none may start. */
  get first(): GroupQueue | undefined {
    return this.#first;
  }

  /** Nothing is due before this, in Unix milliseconds; Infinity when nothing waits. Exact where there are no groups. */
  get notBefore(): number {
    return this.#queues.size > 1 ? this.#floor : this.earliest;
  }

  /** Due time of the earliest, in Unix milliseconds; Infinity when none waits. It looks at all groups. */
  get earliest(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { heap } of this.#queues.values()) first = Math.min(first, heap.firstDue);
    return first;
  }

  /** @param inFront its group is the next to have its turn, should nothing else of it wait */
  push(due: number, seq: number, group: string | undefined, inFront = false): void {
    let queue = this.#queues.get(group);
    if (queue === undefined) {
      queue = new GroupQueue(this.#groups.use(group), this, this.#emptyHeap(group));
      this.#queues.set(group, queue);
    }
    queue.heap.push(due, seq);
    this.#size++;
    this.#floor = Math.min(this.#floor, due);
    if (!queue.use.isOpen) return;
    if (queue.heap.size > 1) this.#openJobs++;
    else this.enter(queue, inFront);
  }

  /** Removes the first job of the group whose turn it is. It stays its turn until one has started. */
  pop(): void {
    const queue = this.#first;
    if (queue === undefined) return;
    if (queue.heap.size === 1) this.leave(queue);
    else this.#openJobs--;
    queue.heap.pop();
    this.#size--;
    if (queue.heap.size === 0) this.#drop(queue);
    if (this.#size === 0) this.#floor = Number.POSITIVE_INFINITY;
  }

  /** All groups with jobs that wait, those that keep others waiting too: the one whose turn it is first. Only where places are given. */
  inTurn(): Iterable<GroupQueue> {
    return this.#queues.values();
  }

  /** One of a group has started: it has had its turn. */
  hadTurn(group: string | undefined): void {
    if (this.#groups.byGrant) this.#moveToEnd(group);
    const queue = this.#first;
    if (queue === undefined || queue === this.#last || queue.use.name !== group) return;
    const jobs = this.#openJobs;
    this.leave(queue);
    this.enter(queue);
    this.#openJobs = jobs;
  }

  #moveToEnd(group: string | undefined): void {
    const queue = this.#queues.get(group);
    if (queue === undefined) return;
    this.#queues.delete(group);
    this.#queues.set(group, queue);
  }

  enter(queue: GroupQueue, inFront = false): void {
    this.#openJobs += queue.heap.size;
    this.#openGroups++;
    if (this.#first === undefined || this.#last === undefined) {
      this.#first = queue;
      this.#last = queue;
    } else if (inFront) {
      queue.next = this.#first;
      this.#first.before = queue;
      this.#first = queue;
    } else {
      queue.before = this.#last;
      this.#last.next = queue;
      this.#last = queue;
    }
  }

  leave(queue: GroupQueue): void {
    this.#openJobs -= queue.heap.size;
    this.#openGroups--;
    const { before, next } = queue;
    if (before) before.next = next;
    else this.#first = next;
    if (next) next.before = before;
    else this.#last = before;
    queue.before = undefined;
    queue.next = undefined;
  }

  #emptyHeap(group: string | undefined): DueHeap {
    if (group === undefined) return new DueHeap(room.ungrouped);
    return this.#spares.pop() ?? new DueHeap(room.grouped);
  }

  /** Those without a group are likely to come again. */
  #drop(queue: GroupQueue): void {
    const { use } = queue;
    if (use.name === undefined) return;
    this.#queues.delete(use.name);
    if (queue.heap.capacity === room.grouped && this.#spares.length < sparesKept) this.#spares.push(queue.heap);
    use.queues.splice(use.queues.indexOf(queue), 1);
    this.#groups.forgetIdle(use);
  }
}
