import type { FromSimulator, Injection, Simulation } from '@sealwatch/schemas';
import { ToSimulator } from '@sealwatch/schemas';

/** The channel to the process that started this one, where there is one: it is told of the run and may interfere. */
export interface Control {
  tell(simulation: Simulation): void;
  /** @param make makes something happen; says why it cannot, where it cannot */
  onInject(make: (injection: Injection) => string | undefined): void;
}

/** @throws Error where nobody listens */
export function openControl(): Control {
  const send = process.send?.bind(process);
  if (!send) throw new Error('--control: no process has started this one with a channel to it');
  // The channel alone keeps nothing alive: the run ends when it is over.
  process.channel?.unref();
  const say = (message: FromSimulator) => {
    if (process.connected) send(message);
  };
  return {
    tell: (simulation) => say({ type: 'simulation', simulation }),
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
