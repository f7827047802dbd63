import { strToU8, zipSync } from 'fflate';

/** What its owner takes away, as one zip: the certificate, its key where it was made here, and the authority's certificate. */
export function archiveOf({ certificate, private_key: key, ca_certificate: ca }: { certificate: string; private_key: string | null; ca_certificate: string }): Buffer {
  const file = (text: string, mode: number): [Uint8Array, { attrs: number; os: number }] => [strToU8(text), { os: 3, attrs: (0o100000 | mode) << 16 }];
  return Buffer.from(zipSync({ 'client.crt': file(certificate, 0o644), ...(key === null ? {} : { 'client.key': file(key, 0o600) }), 'ca.crt': file(ca, 0o644) }));
}
