import type { FromSimulator, Injection, Simulation } from '@sealwatch/schemas';
import { ToSimulator } from '@sealwatch/schemas';

/** IPC channel to the parent process, which receives the state of the run and may interfere with locks. */
export interface Control {
  publish(simulation: Simulation): void;
  /** @param make carries out an injection; returns undefined on success, else why it failed */
  onInject(make: (injection: Injection) => string | undefined): void;
}

/** @throws Error if this process has no IPC channel */
export function openControl(): Control {
  const send = process.send?.bind(process);
  if (!send) throw new Error('--control: no process has started this one with a channel to it');
  // The channel must not keep the process alive after the run.
  process.channel?.unref();
  const say = (message: FromSimulator) => {
    if (process.connected) send(message);
  };
  return {
    publish: (simulation) => say({ type: 'simulation', simulation }),
    onInject: (make) => {
      process.on('message', (message) => {
        const read = ToSimulator.safeParse(message);
        if (!read.success) return;
        const refused = make(read.data.injection);
        say({ type: 'injected', requestId: read.data.requestId, ...(refused === undefined ? {} : { refused }) });
      });
      process.channel?.unref();
    },
  };
}
