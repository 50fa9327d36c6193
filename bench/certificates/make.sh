#!/bin/sh
# Makes the certificate with which bench and demo call over TLS on this machine, anew, here, with OpenSSL 3.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout localhost.key -out localhost.pem \
  -days 26000 -subj '/CN=Measurements of Callgate' -addext 'subjectAltName = IP:127.0.0.1' 2>/dev/null
