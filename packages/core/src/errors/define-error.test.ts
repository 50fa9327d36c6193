import { describe, expect, expectTypeOf, it } from 'vitest';
import { defineError, receivedError } from './define-error.js';
import { detail } from './details.js';
import { RpcError } from './rpc-error.js';

interface City {
  readonly name: string;
}

const CityType = {
  typeName: 'test.City',
  size: (message: Partial<City>) => Buffer.byteLength(message.name ?? ''),
  encode: (message: Partial<City>, bytes: Buffer, start: number) => start + bytes.write(message.name ?? '', start),
  decode: (bytes: Buffer, start: number, end: number): City => {
    const name = bytes.toString('utf8', start, end);
    if (name === '!') throw new RpcError('INVALID_ARGUMENT', 'no city', { reason: 'UNDECODABLE' });
    return { name };
  },
};

describe('a defined error', () => {
  const NoSuchCity = defineError({
    name: 'NoSuchCity',
    code: 'NOT_FOUND',
    reason: 'NO_SUCH_CITY',
    fields: { nearest: CityType },
  });
  const Busy = defineError({ name: 'Busy', code: 'UNAVAILABLE', reason: 'BUSY' });

  it('is an RpcError of its class and of no other, with its name', () => {
    const error = new NoSuchCity('no city is called Berlln', { nearest: { name: 'Berlin' }, retryAfterMs: 3 });
    expect(error).toBeInstanceOf(NoSuchCity);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).not.toBeInstanceOf(Busy);
    expect(new RpcError('NOT_FOUND', 'x', { reason: 'NO_SUCH_CITY' })).not.toBeInstanceOf(NoSuchCity);
    expect(error).toMatchObject({ name: 'NoSuchCity', code: 'NOT_FOUND', reason: 'NO_SUCH_CITY', retryAfterMs: 3 });
    expect(`${error}`).toBe('NoSuchCity: no city is called Berlln');
    expect([NoSuchCity.code, NoSuchCity.reason]).toEqual(['NOT_FOUND', 'NO_SUCH_CITY']);
  });

  it('has its fields, typed, as details', () => {
    const error = new NoSuchCity('x', { nearest: { name: 'Berlin' }, details: [detail(CityType, { name: 'Bern' })] });
    expectTypeOf(error.nearest).toEqualTypeOf<City | undefined>();
    expect(error.nearest).toEqual({ name: 'Berlin' });
    expect(error.detailsOf(CityType)).toEqual([{ name: 'Berlin' }, { name: 'Bern' }]);
    expect(new NoSuchCity('x').nearest).toBeUndefined();
    // @ts-expect-error: a city has a name of text
    expect(() => new NoSuchCity('x', { nearest: { name: 5n } })).toThrow(TypeError);
  });

  it('comes back as its class by code and reason', () => {
    const details = [detail(CityType, { name: 'Berlin' })];
    const back = receivedError('NOT_FOUND', 'far away', { reason: 'NO_SUCH_CITY', details });
    expect(back).toBeInstanceOf(NoSuchCity);
    expect(back).toMatchObject({ message: 'far away', nearest: { name: 'Berlin' } });
    const bad = receivedError('NOT_FOUND', 'x', { reason: 'NO_SUCH_CITY', details: [detail(CityType, { name: '!' })] });
    expect((bad as InstanceType<typeof NoSuchCity>).nearest).toBeUndefined();
    expect(() => bad.detailsOf(CityType)).toThrow('no city');
    expect(receivedError('ABORTED', 'x', { reason: 'NO_SUCH_CITY' })).not.toBeInstanceOf(NoSuchCity);
  });

  it.each([
    [
      { name: 'Other', code: 'UNAVAILABLE', reason: 'BUSY' },
      'Busy and Other have the same code and reason, UNAVAILABLE/BUSY',
    ],
    [{ name: 'no class', code: 'ABORTED', reason: 'X' }, 'name: expected that of a class, found "no class"'],
    [
      { name: 'Ok', code: 'OK', reason: 'X' },
      'code: expected one of the codes of failures, such as NOT_FOUND, found "OK"',
    ],
    [{ name: 'Proto', code: '__proto__', reason: 'X' }, 'code: expected one of the codes of failures'],
    [{ name: 'Late', code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE' }, "reason: DEADLINE is one of Callgate's own"],
    [{ name: 'Empty', code: 'ABORTED', reason: '' }, 'reason: expected a word of 1 to 255 characters'],
    [
      { name: 'Field', code: 'ABORTED', reason: 'F', fields: { cause: CityType } },
      'fields: "cause" is what every error has',
    ],
    [
      { name: 'Two', code: 'ABORTED', reason: 'T', fields: { a: CityType, b: CityType } },
      'fields: two are of type test.City',
    ],
  ])('%j is refused in words', (definition, words) => {
    expect(() => defineError(definition as never)).toThrow(words);
  });

  it('may be defined twice alike, since a module may be loaded twice', () => {
    expect(() => defineError({ name: 'Busy', code: 'UNAVAILABLE', reason: 'BUSY' })).not.toThrow();
  });
});
