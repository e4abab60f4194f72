/** Which page of a view comes next. */
import { nextBits } from '../base/random';
import { Instruction } from '../task/instruction';
import { Task } from '../task/task';
import { Pattern, View } from './task_mm';

/** The page that comes next, relative to the view; drawn once, however often it is looked at. */
export function nextPage(task: Task, view: View): u32 {
  if (view.pattern == Pattern.SEQUENTIAL) return view.cursor;
  if (view.drawn < 0) view.drawn = <i32>draw(task, view);
  return <u32>view.drawn;
}

function draw(task: Task, view: View): u32 {
  const bits = nextBits(task.streamState);
  if (view.pattern == Pattern.UNIFORM) return below(bits, view.pages);
  const hot = view.pages / 5;
  const isHot = below(bits, 10) < 8;
  const second = nextBits(task.streamState);
  return isHot ? below(second, hot) : hot + below(second, view.pages - hot);
}

function below(bits: u64, n: u32): u32 {
  return <u32>(((bits >> 32) * n) >> 32);
}

/** Pages of a read or a write from a page on: it ends where the file does, which does not grow. */
export function chunkAt(view: View, begin: u32, step: Instruction): u32 {
  return min(<u32>step.y, view.region.pages - begin);
}

/** The view goes on behind `pages` pages. */
export function advanceView(view: View, pages: u32): void {
  view.drawn = -1;
  if (view.pattern != Pattern.SEQUENTIAL) return;
  view.cursor += pages;
  if (view.cursor + pages > view.pages) view.cursor = 0;
}
