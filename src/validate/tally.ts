/**
 * What a replay counts.
 */

export interface ReplayCounts {
  /** Picks, chances to preempt and choices of a CPU. */
  decisions: number;
  wrongPicks: number;
  /** The kernel preempted and the model would not have; and the other way round. */
  missedPreemptions: number;
  extraPreemptions: number;
  wrongCpus: number;
  /** Decisions that hang on less than the trace's resolution; not among the above. */
  ties: number;
  /** Picks that hang on where a task lay before it first ran; not among the above. */
  firstPicks: number;
  /** Recorded charges, those after which vruntime was the model's to the nanosecond, and the first that was not. */
  charges: number;
  matchedCharges: number;
  firstMismatch: string | null;
  /** The first decisions that were wrong, for people. */
  examples: string[];
}

/** Kinds of wrong decisions. */
export type Mistake = 'wrongPicks' | 'missedPreemptions' | 'extraPreemptions' | 'wrongCpus';

const MAX_EXAMPLES = 20;

export function wrongOf({ wrongPicks, missedPreemptions, extraPreemptions, wrongCpus }: ReplayCounts): number {
  return wrongPicks + missedPreemptions + extraPreemptions + wrongCpus;
}

/** Counts what happens from `fromNs` on. */
export class Tally {
  readonly counts: ReplayCounts = {
    decisions: 0,
    wrongPicks: 0,
    missedPreemptions: 0,
    extraPreemptions: 0,
    wrongCpus: 0,
    ties: 0,
    firstPicks: 0,
    charges: 0,
    matchedCharges: 0,
    firstMismatch: null,
    examples: [],
  };

  constructor(readonly fromNs: number) {}

  right(atNs: number): void {
    if (atNs >= this.fromNs) this.counts.decisions++;
  }

  wrong(mistake: Mistake, atNs: number, cpu: number, what: () => string): void {
    if (atNs < this.fromNs) return;
    this.counts.decisions++;
    this.counts[mistake]++;
    if (this.counts.examples.length >= MAX_EXAMPLES) return;
    this.counts.examples.push(`${(atNs / 1e6).toFixed(6)} ms CPU ${cpu}: ${what()}`);
  }

  open(kind: 'ties' | 'firstPicks', atNs: number): void {
    if (atNs >= this.fromNs) this.counts[kind]++;
  }

  /** `offNs`: how far the model's vruntime lies from the recorded one. */
  charge(atNs: number, name: string, offNs: bigint): void {
    this.counts.charges++;
    if (offNs === 0n) this.counts.matchedCharges++;
    else this.counts.firstMismatch ??= `${(atNs / 1e6).toFixed(6)} ms, ${name}: ${offNs} ns off`;
  }
}
