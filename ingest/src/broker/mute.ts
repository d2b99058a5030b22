import { Aedes, type AedesPublishPacket, type Client, type PublishPacket } from 'aedes';

type Done = (error?: Error) => void;

/**
 * aedes without routing between clients: what locks publish goes to the intake from `authorizePublish` and nowhere
 * else, and commands are written to one lock's connection, so nothing is ever matched, retained or queued here.
 */
export class MuteAedes extends Aedes {
  override publish(_packet: PublishPacket | AedesPublishPacket, clientOrDone?: Client | Done, done?: Done): void {
    const finish = typeof clientOrDone === 'function' ? clientOrDone : done;
    finish?.();
  }
}
