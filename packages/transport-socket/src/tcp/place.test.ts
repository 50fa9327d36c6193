import { parseAddress } from '@callgate/core/transport';
import { expect, it } from 'vitest';
import { calledPlaceOf, meetingPlace, placeOf, urlOf } from './place.js';

const places: [string, string, number][] = [
  ['tcp://127.0.0.1:7000', '127.0.0.1', 7000],
  ['tcp:localhost:7000', 'localhost', 7000],
  ['tcp:[::1]:7000', '::1', 7000],
  ['tcp://[::1]:0', '::1', 0],
  ['tcp:7000', '127.0.0.1', 7000],
];

it.each(places)('reads %s', (url, host, port) => {
  const place = placeOf(parseAddress(url));
  expect(place).toEqual({ host, port });
  expect(placeOf(parseAddress(urlOf(place)))).toEqual(place);
});

const bad: [string, string][] = [
  ['tcp:geo', 'found no port'],
  ['tcp:localhost', 'found no port'],
  ['tcp:localhost:', 'found no port'],
  ['tcp:127.0.0.1:70000', 'port 70000 is over 65535'],
  ['tcp:127.0.0.1:7e3', 'found no port'],
  ['tcp:::1:7000', 'must stand in brackets'],
  ['tcp:[127.0.0.1]:7000', '"127.0.0.1" in brackets is not an IPv6 address'],
  ['tcp://localhost:7000/geo', 'a path means nothing here'],
  ['tcp::7000', 'the host is missing'],
];

it.each(bad)('refuses %s: %s', (url, why) => {
  expect(() => placeOf(parseAddress(url))).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', reason: 'BAD_ADDRESS', message: expect.stringContaining(why) }),
  );
});

it('does not connect to port 0', () => {
  expect(() => calledPlaceOf(parseAddress('tcp:0'))).toThrow(/port 0 has the system choose/);
});

it.each([
  ['tcp:localhost:7000', 'tcp://127.0.0.1:7000'],
  ['tcp:7000', 'tcp://127.0.0.1:7000'],
  ['tcp:0.0.0.0:7000', 'tcp://127.0.0.1:7000'],
  ['tls:[::]:7000', 'tls://[::1]:7000'],
  ['udp://10.0.0.7:7000', 'udp://10.0.0.7:7000'],
  ['tcp:geo.example:7000', 'tcp://geo.example:7000'],
])('%s leads to %s', (url, place) => {
  expect(meetingPlace(parseAddress(url))).toBe(place);
});
