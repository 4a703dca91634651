/**
 * One option as data. The fields are those of yargs; `env` and `parse` are ours. Numbers are read as text and parsed by
 * the model's parsers, so that `--threshold abc` is answered by the one who knows what a threshold is.
 */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly describe: string;
  /** May be given more than once. */
  readonly array?: true;
  readonly choices?: readonly string[];
  readonly default?: string | boolean;
  readonly demandOption?: true;
  readonly alias?: string;
  /** The name in the environment and the settings file that is read where the flag is absent. */
  readonly env?: string;
  /** Turns the text (each of them, for an array) into a value; throws ConfigurationError. */
  readonly parse?: (text: string) => unknown;
  readonly group?: string;
}

/** An argument without a flag, in the order of the definition. */
export interface PositionalSpec {
  readonly describe: string;
  readonly demandOption?: true;
  /** The last one may take all that is left. */
  readonly array?: true;
  readonly choices?: readonly string[];
  readonly parse?: (text: string) => unknown;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;
export type PositionalSpecs = Readonly<Record<string, PositionalSpec>>;

type CamelCase<Name> = Name extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Name;

type One<Spec> = Spec extends { readonly parse: (text: string) => infer Value }
  ? Value
  : Spec extends { readonly type: "boolean" }
    ? boolean
    : Spec extends { readonly choices: ReadonlyArray<infer Choice> }
      ? Choice
      : string;

type Value<Spec> = Spec extends { readonly array: true }
  ? ReadonlyArray<One<Spec>>
  : Spec extends { readonly demandOption: true } | { readonly default: unknown } | { readonly type: "boolean" }
    ? One<Spec>
    : One<Spec> | undefined;

/** The handler's arguments: names in camel case; absent arrays are empty, absent booleans false. */
export type ArgumentsOf<Options, Positionals> = {
  readonly [Name in keyof Options as CamelCase<Name>]: Value<Options[Name]>;
} & { readonly [Name in keyof Positionals as CamelCase<Name>]: Value<Positionals[Name]> };

/** `start-date` → `startDate` */
export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
