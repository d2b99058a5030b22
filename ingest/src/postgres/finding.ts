/** One thing that was looked at. `hint` says what to do where `state` is not `ok`. */
export interface Finding {
  part: string;
  state: 'ok' | 'warning' | 'problem';
  text: string;
  hint?: string;
}

export const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`;
