#!/bin/sh
# Makes the certificates of the tests anew, here, with OpenSSL 3. All of them share one key, which is good for nothing
# else; those of the two authorities are thrown away. They are valid until the end of 2099, but for the expired one.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
valid='-startdate 20200101000000Z -enddate 20991231235959Z'
past='-startdate 20200101000000Z -enddate 20210101000000Z'
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# name, subject, extensions, dates, key, issuer ("self" for itself)
make() {
  openssl req -new -key "$5" -subj "$2" -out "$work/$1.csr"
  printf '%s\n' "$3" > "$work/$1.ext"
  : > "$work/index"
  openssl rand -hex 8 > "$work/serial"
  if [ "$6" = self ]; then issuer="-selfsign -keyfile $5"; else issuer="-cert $6.pem -keyfile $work/$6.key"; fi
  # shellcheck disable=SC2086
  openssl ca -batch -notext -md sha256 -in "$work/$1.csr" -out "$1.pem" $issuer $4 -extfile "$work/$1.ext" \
    -config "$work/ca.conf" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
}
cat > "$work/ca.conf" <<END
[ca]
default_ca = here
[here]
database = $work/index
new_certs_dir = $work
serial = $work/serial
unique_subject = no
policy = any
[any]
commonName = supplied
organizationName = optional
END

key leaf.key
key "$work/authority.key"
key "$work/other-authority.key"
authority='basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign'
here='subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
extendedKeyUsage = serverAuth, clientAuth'
make authority '/O=Callgate tests/CN=Authority' "$authority" "$valid" "$work/authority.key" self
make other-authority '/O=Callgate tests/CN=Other authority' "$authority" "$valid" "$work/other-authority.key" self
make server '/O=Callgate tests/CN=Server' "$here" "$valid" leaf.key authority
make client '/O=Callgate tests/CN=Client' 'extendedKeyUsage = clientAuth' "$valid" leaf.key authority
make elsewhere '/O=Callgate tests/CN=Elsewhere' 'subjectAltName = DNS:elsewhere.example
extendedKeyUsage = serverAuth' "$valid" leaf.key authority
make expired '/O=Callgate tests/CN=Expired' "$here" "$past" leaf.key authority
make stranger '/O=Callgate tests/CN=Stranger' "$here" "$valid" leaf.key other-authority
make self-signed '/O=Callgate tests/CN=Self-signed' "$here" "$valid" leaf.key self
rm -f other-authority.pem
