/** A progress bar on stderr, on a terminal only. */
import { Presets, SingleBar } from 'cli-progress';

/** Shows how many of a command's simulations are done while `work` runs. */
export async function withProgress<T>(
  what: string,
  work: (onProgress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  if (!process.stderr.isTTY) return work(() => {});
  const bar = new SingleBar(
    { format: `${what} {bar} {value}/{total}`, hideCursor: true, clearOnComplete: true, stream: process.stderr },
    Presets.rect,
  );
  let started = false;
  try {
    return await work((done, total) => {
      if (!started) bar.start(total, 0);
      started = true;
      bar.update(done);
    });
  } finally {
    if (started) bar.stop();
  }
}
