/** A record's own numbering within its lock: the boot counts restarts, `seq` the records. */
export interface Numbers {
  boot: number;
  seq: number;
}

export function isNumberedAbove(a: Numbers, b: Numbers): boolean {
  return a.boot > b.boot || (a.boot === b.boot && a.seq > b.seq);
}
