/** Puts `around` in place of a function; it gets the call to be made and its arguments, and returns what the caller gets. */
export function wrap(
  owner: object,
  name: string,
  around: (call: (args: readonly unknown[]) => unknown, args: readonly unknown[]) => unknown,
): void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") throw new Error(`there is no ${name} to be wrapped`);
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    return around((given) => Reflect.apply(original, this, given), args);
  };
  if (!Reflect.set(owner, name, wrapped)) throw new Error(`${name} cannot be wrapped`);
}

/** The same where `around` needs what the function is called on. */
export function wrapMethod(
  owner: object,
  name: string,
  around: (self: object, call: (args: readonly unknown[]) => unknown, args: readonly unknown[]) => unknown,
): void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") throw new Error(`there is no ${name} to be wrapped`);
  Reflect.set(owner, name, function (this: object, ...args: unknown[]): unknown {
    return around(this, (given) => Reflect.apply(original, this, given), args);
  });
}
