#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pki.sh FOLDER: a root, an intermediate and the servers' certificates of the recordings, all under example.org.
# "openssl ca" is used because it alone sets dates in the past.
set -euo pipefail
mkdir -p "$1" && cd "$1"
touch index.txt && echo 1000 >serial
cat >openssl.cnf <<'CONF'
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:${ENV::NAME}
CONF
export NAME=mx.example.org

request() { # NAME SUBJECT KEY_ALGORITHM KEY_OPTION
  openssl req -new -newkey "$3" -pkeyopt "$4" -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" \
    -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') 2>/dev/null
}
sign() { # NAME SECTION SIGNER START END [OPTION...]
  openssl ca -batch -notext -config openssl.cnf -in "$1.csr" -out "$1.pem" -extensions "$2" \
    -cert "$3.pem" -keyfile "$3.key" -startdate "$4" -enddate "$5" "${@:6}" 2>/dev/null
}
day() { date -u -d "$1" +%Y%m%d000000Z; }

request ca "/O=Example Mail/CN=Example Mail CA" rsa rsa_keygen_bits:2048
sign ca root ca "$(day '-3 years')" "$(day '+10 years')" -selfsign
request intermediate "/O=Example Mail/CN=Example Mail Intermediate CA" rsa rsa_keygen_bits:2048
sign intermediate intermediate ca "$(day '-2 years')" "$(day '+5 years')"

NAME=mx.example.org request mx "/CN=mx.example.org" rsa rsa_keygen_bits:2048
NAME=mx.example.org sign mx server intermediate "$(day '-30 days')" "$(day '+1 year')"
NAME=mail.example.org request mail "/CN=mail.example.org" ec ec_paramgen_curve:P-256
NAME=mail.example.org sign mail server intermediate "$(day '-30 days')" "$(day '+1 year')"
NAME=mx.example.org request expired "/CN=mx.example.org" rsa rsa_keygen_bits:2048
NAME=mx.example.org sign expired server intermediate "$(day '-400 days')" "$(day '-35 days')"
for leaf in mx mail expired; do cat "$leaf.pem" intermediate.pem >"$leaf.chain"; done

# What an appliance of 2006 made for itself: 1024 bits, SHA-1, its own issuer.
openssl req -x509 -newkey rsa:1024 -sha1 -nodes -days 7300 -keyout old.key -out old.pem \
  -subj "/O=Example Mail/CN=legacy.example.org" 2>/dev/null
