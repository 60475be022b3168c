/** A flag of a command. Its environment variable is `ROUTELB_` and its name, as in ROUTELB_LB_CLASS. */
export interface FlagSpec {
  /** Without the dashes. */
  readonly name: string;
  /** What stands for the value in the usage; absent: the flag is a switch. */
  readonly placeholder?: string;
  readonly help: string;
  /** The text that counts when neither flag nor variable is given, as the usage shows it. */
  readonly default?: string;
  /** Why a value is wrong, as in `must be ...`, or undefined. */
  readonly whyInvalid?: (value: string) => string | undefined;
  /** Parsed and checked, but nothing acts on it yet. */
  readonly isNotActedOn?: boolean;
}

export interface ParsedFlags {
  /** Of a flag that takes a value; undefined if it is not set and has no default. */
  value(name: string): string | undefined;
  isOn(name: string): boolean;
  /** The flags that were given although nothing acts on them yet. */
  readonly notActedOn: readonly string[];
}

/** A command line that we do not understand; `message` is one sentence. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Reads `--name value`, `--name=value`, `--switch`, `--switch=false`, and the environment for what
 * is not on the command line. An empty variable counts as not set.
 *
 * @throws UsageError on an unknown or repeated flag, a missing or wrong value, or any other argument
 */
export function parseFlags(
  specs: readonly FlagSpec[],
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ParsedFlags {
  const given = readArguments(specs, args);
  for (const spec of specs) {
    const variable = variableName(spec.name);
    const value = environment[variable];
    if (!given.has(spec.name) && value !== undefined && value !== "") {
      checkValue(spec, value, variable);
      given.set(spec.name, value);
    }
  }
  return {
    value: (name) => given.get(name) ?? specs.find((spec) => spec.name === name)?.default,
    isOn: (name) => given.get(name) === "true",
    notActedOn: specs
      .filter(({ name, isNotActedOn }) => isNotActedOn === true && given.has(name))
      .map(({ name }) => name),
  };
}

function readArguments(specs: readonly FlagSpec[], args: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? "";
    const [, name = "", attached] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    const spec = specs.find((candidate) => candidate.name === name);
    if (spec === undefined) {
      throw new UsageError(
        argument.startsWith("-") ? `unknown flag ${argument}` : `unexpected argument ${argument}`,
      );
    }
    if (given.has(name)) {
      throw new UsageError(`--${name} is given twice`);
    }
    let value = attached;
    if (value === undefined && spec.placeholder === undefined) {
      value = "true";
    } else if (value === undefined) {
      index += 1;
      value = args[index];
    }
    if (value === undefined || (value === "" && spec.placeholder !== undefined)) {
      throw new UsageError(`--${name} needs a value: --${name} ${spec.placeholder ?? ""}`);
    }
    checkValue(spec, value, `--${name}`);
    given.set(name, value);
  }
  return given;
}

function checkValue(spec: FlagSpec, value: string, source: string): void {
  const why =
    spec.placeholder === undefined ? mustBeOneOf("true", "false")(value) : spec.whyInvalid?.(value);
  if (why !== undefined) {
    throw new UsageError(`${source}: ${value} ${why}`);
  }
}

/** `lb-class` -> `ROUTELB_LB_CLASS`. */
export function variableName(flag: string): string {
  return `ROUTELB_${flag.replaceAll("-", "_").toUpperCase()}`;
}

export function mustBeOneOf(...choices: readonly string[]): (value: string) => string | undefined {
  return (value) => (choices.includes(value) ? undefined : `is not one of ${choices.join(", ")}`);
}

/** A whole number from `min` to `max`. */
export function mustBeNumber(min: number, max: number): (value: string) => string | undefined {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max
      ? undefined
      : `is not a whole number from ${min} to ${max}`;
  };
}

/** The lines of a usage text that describe `specs`. */
export function formatFlags(specs: readonly FlagSpec[]): string {
  const heads = specs.map(({ name, placeholder }) =>
    placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`,
  );
  const width = Math.max(...heads.map(({ length }) => length));
  return specs
    .map((spec, index) => {
      const later = spec.isNotActedOn === true ? " (not acted on yet)" : "";
      const preset = spec.default === undefined ? "" : ` [${spec.default}]`;
      return `  ${(heads[index] ?? "").padEnd(width)}  ${spec.help}${preset}${later}`;
    })
    .join("\n");
}
