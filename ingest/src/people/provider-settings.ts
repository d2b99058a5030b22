import type { GroupRule } from './provider-groups.ts';

/** The OpenID provider of an operator. */
export interface ProviderSettings {
  /** e.g. `https://login.example.cn/realms/customs` */
  issuer: string;
  clientId: string;
  /** Absent: a public client. */
  clientSecret?: string | undefined;
  /** Where browsers find the platform, e.g. `https://wall.example.cn`. */
  publicUrl: string;
  /** What is asked for, divided by blanks. */
  scope: string;
  /** The claim that has a person's groups. */
  groupsClaim: string;
  rules: GroupRule[];
  /** Words of `amr` or `acr` that say that a second factor was shown; none: the platform asks for its own. */
  secondFactor: string[];
  /** On the button of the sign-in page. */
  name: string;
}

export const CALLBACK_PATH = '/sign-in/provider/callback';
