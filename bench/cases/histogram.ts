/** Recording values of up to 2²⁴ ns: ours where the engine uses it (in Wasm) and called from JavaScript, and HdrHistogram's two builds. */
import { build, initWebAssembly } from 'hdr-histogram-js';
import { type BenchCase, generator, OURS } from '../case.js';
import { primitives } from '../primitives.js';

const ROUNDS = 10_000;

export async function histogramCases(): Promise<BenchCase[]> {
  await initWebAssembly();
  const common = { benchmark: 'histogram', size: 'record', unit: 'ns_per_op' as const };
  const instance = primitives(1);
  const hdr = (useWebAssembly: boolean): (() => number) => {
    // Two digits: 1 %, as ours.
    const histogram = build({
      useWebAssembly,
      highestTrackableValue: 2 ** 40,
      numberOfSignificantValueDigits: 2,
      bitBucketSize: 32,
    });
    return perCall((value) => histogram.recordValue(value));
  };
  return [
    {
      ...common,
      implementation: OURS,
      batch: () => {
        instance.histogramFill(ROUNDS);
        return ROUNDS;
      },
    },
    { ...common, implementation: `${OURS} from JS`, batch: perCall((value) => instance.histogramRecord(value)) },
    { ...common, implementation: 'hdr-histogram-js wasm', batch: hdr(true) },
    { ...common, implementation: 'hdr-histogram-js js', batch: hdr(false) },
  ];
}

function perCall(record: (value: number) => void): () => number {
  const next = generator(1);
  return () => {
    for (let round = 0; round < ROUNDS; round++) record((next() >>> 8) + 1);
    return ROUNDS;
  };
}
