import { z } from 'zod';
import { GROUPS_FORM, readGroupRules } from './people/provider-groups.ts';
import type { ProviderSettings } from './people/provider-settings.ts';

/** Plain HTTP is for the own machine alone. */
function isGoodUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, search, hash } = new URL(text);
  if (username !== '' || search !== '' || hash !== '') return false;
  const isOwn = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isOwn);
}

const Url = z
  .string()
  .refine(isGoodUrl, 'expected https://… (http:// on the own machine alone)')
  .transform((text) => text.replace(/\/$/, ''));

const words = (text: string) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** Settings of the OpenID provider. */
export const PROVIDER_ENVIRONMENT = {
  // As it is written: a slash at its end is part of an issuer's name.
  SEALWATCH_OIDC_ISSUER: z
    .string()
    .refine(isGoodUrl, 'expected https://… (http:// on the own machine alone)')
    .optional(),
  SEALWATCH_OIDC_CLIENT_ID: z.string().max(500).optional(),
  SEALWATCH_OIDC_CLIENT_SECRET: z.string().max(1_000).optional(),
  SEALWATCH_OIDC_GROUPS: z
    .string()
    .transform((text, context) => {
      const rules = readGroupRules(text);
      if (rules === undefined) context.addIssue({ code: 'custom', message: GROUPS_FORM });
      return rules ?? [];
    })
    .optional(),
  SEALWATCH_OIDC_GROUPS_CLAIM: z.string().max(200).default('groups'),
  SEALWATCH_OIDC_SCOPE: z
    .string()
    .regex(/^openid( |$)/, 'expected openid, and what else is asked for behind it, divided by blanks')
    .default('openid profile'),
  SEALWATCH_OIDC_SECOND_FACTOR: z.string().transform(words).default([]),
  SEALWATCH_OIDC_NAME: z.string().max(60).default('OpenID Connect'),
  SEALWATCH_PUBLIC_URL: Url.optional(),
};

type Environment = z.output<z.ZodObject<typeof PROVIDER_ENVIRONMENT>>;

const NEEDED = ['SEALWATCH_OIDC_CLIENT_ID', 'SEALWATCH_OIDC_GROUPS', 'SEALWATCH_PUBLIC_URL'] as const;

/** What is missing beside SEALWATCH_OIDC_ISSUER, or makes no sense without it. */
export function wrongProvider(env: Environment): { variable: string; message: string }[] {
  if (env.SEALWATCH_OIDC_ISSUER === undefined) {
    return env.SEALWATCH_OIDC_CLIENT_ID === undefined && env.SEALWATCH_OIDC_GROUPS === undefined
      ? []
      : [
          {
            variable: 'SEALWATCH_OIDC_ISSUER',
            message: 'expected the address of the provider beside the other settings',
          },
        ];
  }
  return NEEDED.filter((variable) => env[variable] === undefined).map((variable) => ({
    variable,
    message: 'expected beside SEALWATCH_OIDC_ISSUER',
  }));
}

/** undefined where no provider is named. */
export function providerOf(env: Environment): ProviderSettings | undefined {
  const { SEALWATCH_OIDC_ISSUER: issuer, SEALWATCH_OIDC_CLIENT_ID: clientId } = env;
  const { SEALWATCH_PUBLIC_URL: publicUrl, SEALWATCH_OIDC_GROUPS: rules } = env;
  if (issuer === undefined || clientId === undefined || publicUrl === undefined || rules === undefined)
    return undefined;
  return {
    issuer,
    clientId,
    publicUrl,
    rules,
    clientSecret: env.SEALWATCH_OIDC_CLIENT_SECRET,
    scope: env.SEALWATCH_OIDC_SCOPE,
    groupsClaim: env.SEALWATCH_OIDC_GROUPS_CLAIM,
    secondFactor: env.SEALWATCH_OIDC_SECOND_FACTOR,
    name: env.SEALWATCH_OIDC_NAME,
  };
}
