/** The sound of red alarms. Browsers allow it only after a click: until then `allowed` is false and nothing sounds. */
export interface Siren {
  allow(): void;
  mute(): void;
  readonly allowed: boolean;
  /** Plays the sound of a confirmed red alarm: three rising pairs of notes. */
  red(): void;
}

/** Seconds from the start, and hertz. */
const NOTES: [number, number][] = [
  [0, 740],
  [0.16, 988],
  [0.5, 740],
  [0.66, 988],
  [1.0, 740],
  [1.16, 988],
];
const NOTE_S = 0.15;

export function createSiren(): Siren {
  let audio: AudioContext | undefined;
  let allowed = false;
  return {
    get allowed() {
      return allowed;
    },
    allow() {
      audio ??= new AudioContext();
      void audio.resume();
      allowed = true;
    },
    mute() {
      allowed = false;
    },
    red() {
      if (!audio || !allowed) return;
      for (const [atS, hertz] of NOTES) {
        const tone = audio.createOscillator();
        const volume = audio.createGain();
        const start = audio.currentTime + atS;
        tone.type = 'triangle';
        tone.frequency.value = hertz;
        volume.gain.setValueAtTime(0.0001, start);
        volume.gain.exponentialRampToValueAtTime(0.4, start + 0.02);
        volume.gain.exponentialRampToValueAtTime(0.0001, start + NOTE_S);
        tone.connect(volume).connect(audio.destination);
        tone.start(start);
        tone.stop(start + NOTE_S);
      }
    },
  };
}
