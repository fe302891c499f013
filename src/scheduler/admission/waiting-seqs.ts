/** Which jobs wait, by `seq`: a bit for each, in blocks that are there while a job of theirs is. Millions may wait at once. */

const blockSize = 1024;

interface Block {
  readonly words: Uint32Array;
  size: number;
}

/** See the head of this file. */
export class WaitingSeqs {
  readonly #blocks = new Map<number, Block>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(seq: number): void {
    const number = Math.floor(seq / blockSize);
    let block = this.#blocks.get(number);
    if (block === undefined) this.#blocks.set(number, (block = { words: new Uint32Array(blockSize / 32), size: 0 }));
    const low = seq % blockSize;
    const word = block.words[low >>> 5] as number;
    const bit = 1 << (low & 31);
    if ((word & bit) !== 0) return;
    block.words[low >>> 5] = word | bit;
    block.size++;
    this.#size++;
  }

  delete(seq: number): void {
    const number = Math.floor(seq / blockSize);
    const block = this.#blocks.get(number);
    if (block === undefined) return;
    const low = seq % blockSize;
    const word = block.words[low >>> 5] as number;
    const bit = 1 << (low & 31);
    if ((word & bit) === 0) return;
    block.words[low >>> 5] = word & ~bit;
    this.#size--;
    if (--block.size === 0) this.#blocks.delete(number);
  }
}
