/** Who may call, and who is known to have called. */
import { chmodSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Puppet } from './testing/puppets.js';
import {
  fileOf,
  type Mode,
  processSchemes,
  processWays,
  type RemoteClient,
  type Scheme,
  useStage,
  ways,
} from './testing/stage.js';

const stage = useStage();

const uid = process.getuid!();
const gid = process.getgid!();
/** Another user, if this process may become one. */
const otherUid = uid === 0 ? 65_534 : uid;

/** A client in a process of another user. */
async function foreigner(scheme: Scheme, mode: Mode, url: string): Promise<{ at: Puppet; desk: RemoteClient }> {
  chmodSync(stage.scratch, 0o755);
  const at = stage.process();
  // What is loaded when a transport is first used may be out of another user's reach.
  const early = await stage.client(at, { url: stage.url(scheme), mode });
  await expect(early.call('echo')).rejects.toMatchObject({ reason: 'UNREACHABLE' });
  if (otherUid !== uid) await at.do('become', otherUid);
  return { at, desk: await stage.client(at, { url, mode }) };
}

describe.each(processWays)('Over $scheme:, $mode,', ({ scheme, mode }) => {
  it('a server is for its own user only: others are told whose the socket file is.', async () => {
    const url = stage.url(scheme);
    await stage.serve(stage.here, url);
    expect(statSync(fileOf(url)).mode & 0o777).toBe(0o600);
    const { desk } = await foreigner(scheme, mode, url);
    const mode_ = otherUid === uid ? 0 : 0o600;
    chmodSync(fileOf(url), mode_);
    await expect(desk.call('echo')).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'NOT_ALLOWED',
      failed: 'channel',
      message: `faults.Desk/Echo: cannot connect to ${url}: uid ${otherUid} may not use ${fileOf(url)} (it belongs to uid ${uid}, gid ${gid}, and its mode is 0${mode_.toString(8)})`,
    });
  });

  it('`allow` refuses by uid in words, tells the server, and lets the others in.', async () => {
    const url = stage.url(scheme);
    // As another user if there is one here; else as the only one, who is not on the list.
    const allowed = otherUid === uid ? uid + 1 : uid;
    await stage.serve(stage.here, url, { mode: 0o666, allow: { uid: allowed } });
    const { at, desk } = await foreigner(scheme, mode, url);
    const refused = `uid ${otherUid} (process ${at.pid}) is not allowed to connect to ${url}`;
    const denied = { code: 'PERMISSION_DENIED', reason: 'NOT_ALLOWED', failed: 'channel' };
    await expect(desk.call('echo')).rejects.toMatchObject({ ...denied, message: `faults.Desk/Echo: ${refused}` });
    expect(await stage.here.do('heard')).toMatchObject([{ ...denied, message: refused }]);
    expect(await stage.here.do('stats', url)).toMatchObject({ links: 0 });
    if (allowed !== uid) return;
    const own = await stage.client(stage.process(), { url, mode });
    expect(await own.call('whoami')).toMatchObject({ uid });
  });

  it('`allow` lets in who is on its lists, and nobody when they are empty.', async () => {
    const { desk, caller } = await stage.pair(
      { scheme, mode },
      { listen: { mode: 0o666, allow: { uid: [uid + 1, otherUid, uid], gid: [gid, otherUid] } } },
    );
    expect(await desk.call('whoami')).toMatchObject({ uid });
    const url = stage.url(scheme);
    await stage.serve(stage.elsewhere(scheme), url, { allow: { gid: [] } });
    const nobody = await stage.client(caller, { url, mode });
    await expect(nobody.call('echo')).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining(`: gid ${gid} (process ${caller.pid}) is not allowed to connect to ${url}`),
    });
  });
});

describe.each(processSchemes)('Over %s:', (scheme) => {
  it('a handler is told who calls by the kernel, whoever that has become since.', async () => {
    const url = stage.url(scheme);
    await stage.serve(stage.here, url, { mode: 0o666 });
    const { at, desk } = await foreigner(scheme, 'async', url);
    expect(await desk.call('whoami')).toEqual({ pid: at.pid, uid: otherUid, gid: otherUid === uid ? gid : otherUid });
  });
});

describe.each(ways)('Over $scheme:, $mode,', (way) => {
  it('both sides see whom they talk to: pid, uid, gid.', async () => {
    const { url, server, caller, desk } = await stage.pair(way);
    expect(await desk.call('whoami')).toEqual({ pid: caller.pid, uid, gid });
    const { peer } = await desk.channel();
    expect(peer).toEqual({ address: url, credentials: { pid: server.pid, uid, gid } });
  });
});
