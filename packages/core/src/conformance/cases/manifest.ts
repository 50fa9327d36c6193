import assert from 'node:assert/strict';
import { parseAddress } from '../../transport/address.js';
import type { TransportOptions } from '../../transport/contract.js';
import { expectRejects } from '../expectations.js';
import type { Suite } from '../suite.js';

/** Wrong whatever the transport: [option, value]. */
const wrong = { maxMessageBytes: -1, allow: 7, noSuchOption: true };

/** What a transport says of itself, before any link exists. */
export function manifest({ it, expected }: Suite): void {
  it('states the capabilities that are expected of it, all of them and no other', async ({ transport }) => {
    assert.deepEqual({ ...transport.capabilities }, { ...expected.capabilities });
  });

  it('states its capabilities as plain data', async ({ transport }) => {
    assert.deepEqual(JSON.parse(JSON.stringify(transport.capabilities)), { ...transport.capabilities });
  });

  it('has the scheme of its addresses', async ({ transport, newUrl }) => {
    assert.equal(transport.scheme, parseAddress(newUrl()).scheme);
  });

  it('finds nothing wrong with no options, nor with the options of this suite', async ({ transport, options }) => {
    assert.deepEqual(transport.validateOptions({}), []);
    assert.deepEqual(transport.validateOptions(options), []);
  });

  it('gives each wrong option a line that names it', async ({ transport }) => {
    const problems = transport.validateOptions(wrong as unknown as TransportOptions);
    for (const option of Object.keys(wrong)) {
      assert.ok(
        problems.some((line) => line.includes(option)),
        `no line names ${option}: ${JSON.stringify(problems)}`,
      );
    }
  });

  it('refuses to connect and to listen with wrong options: INVALID_ARGUMENT', async (stage) => {
    const url = stage.newUrl();
    await expectRejects(stage.listen(url, { ...stage.options, maxMessageBytes: -1 }), { code: 'INVALID_ARGUMENT' });
    await stage.listen(url);
    await expectRejects(stage.connect(url, { ...stage.options, noSuchOption: true }), { code: 'INVALID_ARGUMENT' });
  });

  it('makes links whose largest message is the smaller of what is configured and what it can carry', async (stage) => {
    const configured = stage.options.maxMessageBytes ?? 4 * 1024 * 1024;
    const { client, server } = await stage.pair();
    const largest = Math.min(configured, expected.capabilities.maxMessageBytes);
    assert.equal(client.maxMessageBytes, largest);
    assert.equal(server.maxMessageBytes, largest);
  });
}
