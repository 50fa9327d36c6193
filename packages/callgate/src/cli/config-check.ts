import type { Folded } from '@callgate/core/kernel';
import { Document, Scalar, YAMLMap } from 'yaml';
import { compose } from '../create.js';

/**
 * Prints what holds for each service, as a configuration that says the same, with the line or the variable that said it.
 * Returns false when there is a transport that cannot be loaded. Throws RpcError (BAD_CONFIG) with all problems.
 */
export function checkConfig(file: string | undefined): boolean {
  const { config } = compose({ config: file });
  for (const problem of config.unchecked) process.stderr.write(`callgate: ${config.name}: ${problem}\n`);

  const services = new YAMLMap();
  for (const service of config.services) services.add({ key: service, value: describe(config.settingsOf(service)) });
  const document = new Document({ services });
  const count = config.services.length;
  document.commentBefore = ` ${config.name}: ${count === 1 ? '1 service' : `${count} services`}`;
  process.stdout.write(document.toString({ lineWidth: 0, nullStr: '' }));
  return config.unchecked.length === 0;
}

function describe(settings: Folded): YAMLMap {
  const map = new YAMLMap();
  const { address, urls, timeout, urgent, waitForReady, trusted, balance, retry, options, codec } = settings;
  if (address !== undefined) put(map, 'url', urls.length > 1 ? urls : address.url, settings, ['url']);
  if (timeout !== undefined) put(map, 'timeout', timeout, settings, ['timeout']);
  if (urgent !== undefined) put(map, 'urgent', urgent, settings, ['urgent']);
  if (waitForReady !== undefined) put(map, 'waitForReady', waitForReady, settings, ['waitForReady']);
  if (trusted !== undefined) put(map, 'trusted', trusted, settings, ['trusted']);
  if (balance !== undefined) put(map, 'balance', balance, settings, ['balance']);
  if (retry !== undefined) put(map, 'retry', retry, settings, ['retry']);
  if (codec !== undefined) put(map, 'codec', codec, settings, ['codec']);
  const names = Object.keys(options);
  if (names.length === 0) return map;
  const transport = new YAMLMap();
  for (const name of names) put(transport, name, options[name], settings, ['transport', name]);
  map.add({ key: 'transport', value: transport });
  return map;
}

function put(map: YAMLMap, key: string, value: unknown, settings: Folded, setting: readonly string[]): void {
  const node = new Document(value, { aliasDuplicateObjects: false }).contents;
  const { path, origin } = settings.whereIs(setting);
  const place = origin.variable ?? (origin.line === undefined ? undefined : `line ${origin.line}`);
  // What stands on one line says where it is from; a map or list would carry the remark to its last line.
  if (node instanceof YAMLMap || !(node instanceof Scalar)) (node as YAMLMap).flow = true;
  if (node !== null && place !== undefined) node.comment = path[0] === 'defaults' ? ` ${place}, defaults` : ` ${place}`;
  map.add({ key, value: node });
}
