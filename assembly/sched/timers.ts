/**
 * What the kernel's own timers do: budgets are refilled, grants begin or end, devices are done. The tick and tasks' sleeps are the event loop's.
 */
import { complete, Request } from '../mm/block';
import { HrTimer, TimerKind } from '../machine/timer';
import { BtClass } from './bt';
import { classAt, Rank } from './class';
import { dlTimer } from './deadline';
import { DlEntity } from './dl_entity';
import { Rq } from './rq';
import { RtClass } from './rt';
import { periodTimer, slackTimer } from './throttle';
import { VmfClass } from './vmf';
import { kick } from '../virt/halt';
import { Vcpu } from '../virt/vcpu';

/** A timer of the kernel's own expires on `rq`. */
export function expire(rq: Rq, timer: HrTimer): void {
  switch (timer.kind) {
    case TimerKind.RT_PERIOD:
      (classAt(Rank.RT) as RtClass).periodTimer();
      break;
    case TimerKind.BT_PERIOD:
      (classAt(Rank.BT) as BtClass).periodTimer();
      break;
    case TimerKind.VMF_GRANT:
      (classAt(Rank.VMF) as VmfClass).grantOver(rq);
      break;
    case TimerKind.DEADLINE:
      dlTimer(changetype<DlEntity>(timer.target));
      break;
    case TimerKind.CFS_PERIOD:
      periodTimer(timer);
      break;
    case TimerKind.CFS_SLACK:
      slackTimer(timer);
      break;
    case TimerKind.VCPU:
      kick(changetype<Vcpu>(timer.target));
      break;
    case TimerKind.BLOCK:
      complete(rq, changetype<Request>(timer.target));
      break;
    default:
      assert(false);
  }
}
