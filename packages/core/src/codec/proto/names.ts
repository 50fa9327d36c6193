/** Names that every object has already: as a property, each would be taken for a value. */
const inherited = Object.getOwnPropertyNames(Object.prototype);

/** `distance_km` -> `distanceKm`, by protobuf's own rule for JSON names. What every object inherits gets a `$`. */
export function propertyName(name: string): string {
  const camel = name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
  return inherited.includes(camel) ? `${camel}$` : camel === '' ? name : camel;
}

/** `LookUp` -> `lookUp`. A stub with a method `then` would be taken for a promise. */
export function methodName(name: string): string {
  const camel = propertyName(name);
  const local = camel.charAt(0).toLowerCase() + camel.slice(1);
  return inherited.includes(local) || local === 'then' ? `${local}$` : local;
}

/** `by_size` of `geo.Reply` -> `geo.Reply.BySizeEntry`. */
export function entryName(owner: string, field: string): string {
  const camel = field.replace(/(?:^|_)(.?)/g, (_, next: string) => next.toUpperCase());
  return `${owner}.${camel}Entry`;
}
