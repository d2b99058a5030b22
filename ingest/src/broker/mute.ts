import { Aedes, type AedesPublishPacket, type Client, type PublishPacket } from 'aedes';

type Done = (error?: Error) => void;

/**
 * aedes without routing between clients: `authorizePublish` hands publishes to the intake, and commands are written to one
 * lock's connection, so nothing is matched, retained or queued here.
 */
export class MuteAedes extends Aedes {
  override publish(_packet: PublishPacket | AedesPublishPacket, clientOrDone?: Client | Done, done?: Done): void {
    const finish = typeof clientOrDone === 'function' ? clientOrDone : done;
    finish?.();
  }
}
