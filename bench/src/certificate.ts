import { fileURLToPath } from 'node:url';

const file = (name: string): string => fileURLToPath(new URL(`../certificates/${name}`, import.meta.url));

/** Options of both sides of a `tls:` transport between processes of this machine. */
export const localCertificate: { readonly cert: string; readonly key: string; readonly ca: string } = {
  cert: file('localhost.pem'),
  key: file('localhost.key'),
  ca: file('localhost.pem'),
};
