/** What the harness may ask about RUE, as numbers. */
import { groupAt, NO_LIMIT } from '../memcg';
import { qosOf, rue } from './rue';

/** In the order of RUE_NUMBERS in src/kernel/rue.ts. */
export function rueNumber(what: u32): f64 {
  switch (what) {
    case 0:
      return rue.level;
    case 1:
      return <f64>rue.ratio;
    case 2:
      return <f64>rue.goal;
    default:
      return <f64>rue.reclaimed;
  }
}

/** In the order of QOS_NUMBERS. */
export function qosNumber(index: u32, what: u32): f64 {
  const qos = qosOf(groupAt(index));
  switch (what) {
    case 0:
      return qos.priority;
    case 1:
      return <f64>qos.workerStolen;
    case 2:
      return <f64>qos.paidPages;
    case 3:
      return <f64>qos.asyncStolen;
    case 4:
      return <f64>qos.cacheStolen;
    case 5:
      return <f64>qos.throttled;
    case 6:
      return <f64>qos.speedSleeps;
    case 7:
      return <f64>qos.speedSleepNs;
    case 8:
      return <f64>qos.leastFree;
    case 9:
      return qos.asyncHigh == NO_LIMIT ? -1 : <f64>qos.asyncHigh;
    default:
      return <f64>qos.asyncLow;
  }
}
