/** The step of Gauss and Newton with Levenberg's damping, held inside a box. */

/**
 * The point near `from` where linear residuals have the least sum of squares: `slopes[axis][i]` is how residual i changes along an axis.
 * Axes that would go further than `reach`, or leave the unit cube, stop there, and the others are solved again. `damping`, in parts of
 * the mean square of the slopes, shortens the step.
 */
export function solveWithin(
  slopes: ReadonlyArray<readonly number[]>,
  residuals: readonly number[],
  damping: number,
  from: readonly number[],
  reach: number,
): number[] {
  const held = (axis: number, x: number): number => {
    const at = from[axis] ?? 0;
    return Math.min(1, at + reach, Math.max(0, at - reach, x));
  };
  const lambda = (damping * slopes.flat().reduce((sum, s) => sum + s * s, 0)) / slopes.length;
  const to: number[] = [...from];
  let free = from.map((_, axis) => axis);
  while (free.length > 0) {
    const stopped = residuals.map((residual, i) =>
      to.reduce(
        (sum, x, axis) => sum + (free.includes(axis) ? 0 : (slopes[axis]?.[i] ?? 0) * (x - (from[axis] ?? 0))),
        residual,
      ),
    );
    const axes = free.map((axis) => slopes[axis] ?? []);
    const step = solve(
      axes.map((a, i) => axes.map((b, j) => dot(a, b) + (i === j ? lambda : 0))),
      axes.map((a) => -dot(a, stopped)),
    );
    if (step === null) return to;
    for (const [i, axis] of free.entries()) to[axis] = (from[axis] ?? 0) + (step[i] ?? 0);
    const inside = free.filter((axis) => to[axis] === held(axis, to[axis] ?? 0));
    if (inside.length === free.length) return to;
    for (const axis of free) to[axis] = held(axis, to[axis] ?? 0);
    free = inside;
  }
  return to;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
}

/** Gaussian elimination with the largest pivot; null if the matrix is singular. */
function solve(matrix: ReadonlyArray<readonly number[]>, right: readonly number[]): number[] | null {
  const rows = matrix.map((row, i) => [...row, right[i] ?? 0]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    const pivot = rows.slice(column).toSorted((a, b) => Math.abs(b[column] ?? 0) - Math.abs(a[column] ?? 0))[0];
    const lead = pivot?.[column] ?? 0;
    if (pivot === undefined || lead === 0) return null;
    const at = rows.indexOf(pivot);
    [rows[at], rows[column]] = [rows[column] ?? [], pivot];
    for (const [i, row] of rows.entries()) {
      if (i === column) continue;
      const factor = (row[column] ?? 0) / lead;
      rows[i] = row.map((x, j) => x - factor * (pivot[j] ?? 0));
    }
  }
  return rows.map((row, i) => (row[size] ?? 0) / (row[i] ?? 1));
}
