import { fileURLToPath } from 'node:url';

/** In the folder `certificates`, with a program that says how they were made. */
export type CertificateName = 'server' | 'client' | 'elsewhere' | 'expired' | 'stranger' | 'self-signed' | 'authority';

/** Their files are not compiled. */
const folder = new URL('../../../src/tls/testing/certificates/', import.meta.url);

export function pathOf(file: `${CertificateName}.pem` | 'leaf.key'): string {
  return fileURLToPath(new URL(file, folder));
}

/** Options for who shows one of them, and trusts the authority. */
export function certificates(name: CertificateName): { cert: string; key: string; ca: string } {
  return { cert: pathOf(`${name}.pem`), key: pathOf('leaf.key'), ca: pathOf('authority.pem') };
}
