import { expect, test } from 'vitest';
import { runScenario } from './testing/child.js';

test('handles that nobody refers to are closed when they are collected', async () => {
  expect(await runScenario('lifetime.child', 'collected-handles', { nodeArgs: ['--expose-gc'] })).toEqual({
    descriptors: 2,
    mappings: 1,
  });
});

test('memory stays mapped while its buffer is in use, although its mapping was collected', async () => {
  expect(await runScenario('lifetime.child', 'collected-mapping-only', { nodeArgs: ['--expose-gc'] })).toEqual({
    byte: 3,
    mappings: 1,
  });
});

test('a watcher that watches is not collected, nor is its descriptor', async () => {
  expect(await runScenario('lifetime.child', 'watching-survives-collection', { nodeArgs: ['--expose-gc'] })).toEqual({
    events: 1,
  });
});

test('a terminated worker leaves no descriptor and no mapping behind', async () => {
  expect(await runScenario('lifetime.child', 'terminated-holding')).toEqual({
    during: { mappings: 2 },
    left: [],
    mappings: 0,
  });
});

test('a worker that ends by itself leaves no descriptor and no mapping behind', async () => {
  expect(await runScenario('lifetime.child', 'ended-holding')).toEqual({ left: [], mappings: 0 });
});

test('a worker that blocks in poll for ever can be terminated', async () => {
  expect(await runScenario('lifetime.child', 'terminated-polling')).toEqual({
    during: 'polling',
    left: [],
    mappings: 0,
  });
});

test('a worker that blocks in connect for ever can be terminated', async () => {
  expect(await runScenario('lifetime.child', 'terminated-connecting')).toEqual({
    during: 'connecting',
    left: [],
    mappings: 0,
  });
});

test('a worker that is busy in a watcher callback can be terminated', async () => {
  expect(await runScenario('lifetime.child', 'terminated-in-callback')).toEqual({
    during: 'spinning',
    left: [],
    mappings: 0,
  });
});

test('workers that come and go leave nothing behind', async () => {
  expect(await runScenario('lifetime.child', 'many-workers')).toEqual({ left: [], mappings: 0 });
});

test('a process can exit while one of its workers blocks in poll for ever', async () => {
  expect(await runScenario('lifetime.child', 'exit-while-worker-polls')).toBe('exiting');
});
