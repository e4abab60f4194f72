/** Recording values of up to 2²⁴ ns: ours where the engine uses it (in Wasm) and called from JavaScript, and HdrHistogram's two builds. */
import { build, type Histogram, initWebAssembly } from 'hdr-histogram-js';
import { type BenchCase, OURS, OURS_FROM_JS } from '../case.js';
import { benchmarkValues, primitives } from '../primitives.js';

const ROUNDS = 10_000;

export async function histogramCases(): Promise<BenchCase[]> {
  await initWebAssembly();
  const common = { benchmark: 'histogram', size: 'record', unit: 'ns_per_op' as const };
  return [
    { ...common, implementation: OURS, batch: ours() },
    { ...common, implementation: OURS_FROM_JS, batch: oursFromJs() },
    { ...common, implementation: 'hdr-histogram-js wasm', batch: hdrWasm() },
    { ...common, implementation: 'hdr-histogram-js js', batch: hdrJs() },
  ];
}

/** Two digits: 1 %, as ours. */
function hdr(useWebAssembly: boolean): Histogram {
  return build({
    useWebAssembly,
    highestTrackableValue: 2 ** 40,
    numberOfSignificantValueDigits: 2,
    bitBucketSize: 32,
  });
}

/** What `histogramFill` records. */
const durations = (): Uint32Array =>
  benchmarkValues()
    .slice(0, ROUNDS)
    .map((value) => value >>> 8);

function ours(): () => number {
  const instance = primitives(1);
  return () => {
    instance.histogramFill(ROUNDS);
    return ROUNDS;
  };
}

// A loop each, so that every call has one target and the compiler may inline it.

function oursFromJs(): () => number {
  const instance = primitives(1);
  const values = durations();
  return () => {
    for (const value of values) instance.histogramRecord(value);
    return ROUNDS;
  };
}

function hdrWasm(): () => number {
  const histogram = hdr(true);
  const values = durations();
  return () => {
    for (const value of values) histogram.recordValue(value);
    return ROUNDS;
  };
}

function hdrJs(): () => number {
  const histogram = hdr(false);
  const values = durations();
  return () => {
    for (const value of values) histogram.recordValue(value);
    return ROUNDS;
  };
}
