import { expect, test } from 'vitest';
import { decodeBlocked, encodeBlocked, findBlocked, noteServed, thisThread } from './blocked-threads.js';

test('who blocks is known by its thread, and by the place at which it serves', () => {
  const noLongerServed = noteServed('unix:/run/geo');
  const told = decodeBlocked(encodeBlocked([thisThread('geo.Geo/LookUp')]));
  noLongerServed();
  expect(told).toEqual([{ ...thisThread('geo.Geo/LookUp'), places: ['unix:/run/geo'] }]);
  expect(findBlocked(told, ['unix:/run/geo'], undefined)).toBe(told[0]);
  expect(findBlocked(told, [], told[0]?.thread)).toBe(told[0]);
  expect(findBlocked(told, ['unix:/run/geo', 'unix:/run/other'], undefined)).toBeUndefined();
  expect(findBlocked(told, ['unix:/run/other'], 'another')).toBeUndefined();
});

test('a place of the same name on another machine, or in another container, is another place', () => {
  const elsewhere = { ...thisThread('geo.Geo/LookUp'), neighbourhood: 'another', places: ['tcp://127.0.0.1:7000'] };
  expect(findBlocked([elsewhere], ['tcp://127.0.0.1:7000'], undefined)).toBeUndefined();
  expect(findBlocked([elsewhere], [], elsewhere.thread)).toBe(elsewhere);
});

test('of several who block, the one among the neighbours is found', () => {
  const here = { ...thisThread('geo.Geo/LookUp'), places: ['tcp://127.0.0.1:7000'] };
  const elsewhere = { ...here, neighbourhood: 'another', thread: 'far' };
  expect(findBlocked([elsewhere, here], ['tcp://127.0.0.1:7000'], undefined)).toBe(here);
});

test('what a stranger says of who blocks is left out where it makes no sense', () => {
  const sense = encodeBlocked([thisThread('geo.Geo/LookUp')]);
  const nonsense = ['', '{', '[]', 'null', '[1,2,3,4,5]', '["t",1.5,"p","n",[]]', '["t",1,"p","n",{}]', 7];
  expect(decodeBlocked([...nonsense, ...sense])).toEqual([thisThread('geo.Geo/LookUp')]);
  expect(decodeBlocked(['["t",1,"p","n",["a",2]]'])).toMatchObject([{ places: ['a'] }]);
});
