#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the certificates of this folder anew, with new keys that are thrown away. The tests know
# names and dates, no keys and no serial numbers. Needs the openssl program, version 3.
#   usage: tests/unit/x509/data/make_chains.sh [folder]
set -eu
out=$(cd "${1:-$(dirname "$0")}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > ca.cnf <<'END'
[ca]
default_ca = made
[made]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
email_in_dn = yes
serial = serial
[any]
commonName = optional
organizationName = optional
organizationalUnitName = optional
countryName = optional
stateOrProvinceName = optional
localityName = optional
emailAddress = optional
END
: > index.txt
echo 4000000000000000000000000000000000000001 > serial # 20 octets, the most that is allowed

# key NAME ARGUMENTS-OF-GENPKEY...; without arguments P-256
key() {
    name=$1
    shift
    [ $# -gt 0 ] || set -- -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    openssl genpkey "$@" -out "$name.key" 2>/dev/null
}

# cert NAME SUBJECT ISSUER NOT-BEFORE NOT-AFTER [DIGEST]; extensions, if any, on standard input. An
# issuer of "self" is the certificate itself.
cert() {
    name=$1 subject=$2 issuer=$3 from=$4 until=$5 digest=${6:-sha256}
    cat > ext.cnf
    [ -e "$name.key" ] || key "$name"
    openssl req -new -utf8 -multivalue-rdn -key "$name.key" -subj "$subject" -out "$name.csr" 2>/dev/null
    set -- -config ca.cnf -batch -notext -preserveDN -md "$digest" -startdate "$from" -enddate "$until" \
        -in "$name.csr" -out "$name.pem" -utf8
    [ -s ext.cnf ] && set -- "$@" -extfile ext.cnf
    if [ "$issuer" = self ]; then
        openssl ca "$@" -selfsign -keyfile "$name.key" 2>>log
    else
        openssl ca "$@" -cert "$issuer.pem" -keyfile "$issuer.key" 2>>log
    fi
    openssl x509 -in "$name.pem" -outform DER -out "$out/$name.der"
}

authority() {
    printf 'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n'
}
server() {
    printf 'basicConstraints = CA:FALSE\nextendedKeyUsage = serverAuth\nsubjectAltName = %s\n' "$1"
}

# An old root crosses over to a new one, as roots do when they are introduced, and then expires.
authority | cert root '/C=DE/O=Starttap Tests/CN=New Root' self 20100101000000Z 20450101000000Z
authority | cert old_root '/C=DE/O=Starttap Tests/CN=Old Root' self 19980101000000Z 20200530104838Z
cp root.key cross.key
authority | cert cross '/C=DE/O=Starttap Tests/CN=New Root' old_root 20100101000000Z 20200530104838Z
authority | cert inter '/C=DE/O=Starttap Tests/OU=Mail/CN=Intermediate' root 20120101000000Z 20350101000000Z

{
    server 'DNS:mail.example.org, DNS:*.example.net, IP:192.0.2.25, IP:2001:db8::25, email:postmaster@example.org'
    printf 'tlsfeature = status_request\nauthorityInfoAccess = caIssuers;URI:http://ca.example.org/inter.der\n'
} | cert leaf '/C=DE/ST=Bayern/O=Example/CN=mail.example.org' inter 20190101000000Z 20240101000000Z
printf 'extendedKeyUsage = clientAuth\n' | cert client '/CN=client.example.org' inter 20190101000000Z 20240101000000Z
printf 'basicConstraints = CA:TRUE\nsubjectAltName = DNS:ca.example.org\n' |
    cert ca_leaf '/CN=ca.example.org' inter 20190101000000Z 20240101000000Z
cert v1_leaf '/CN=v1.example.org' inter 20190101000000Z 20240101000000Z < /dev/null
printf 'subjectKeyIdentifier = hash\n' | cert self_signed '/CN=cn.example.org' self 20190101000000Z 20240101000000Z

authority | cert other_root '/O=Other/CN=Private Root' self 20100101000000Z 20450101000000Z
server 'DNS:mail.example.org' | cert other_leaf '/CN=mail.example.org' other_root 20190101000000Z 20240101000000Z

# Another key under the name of a root; with and without the identifier that tells them apart.
authority | cert fake_root '/C=DE/O=Starttap Tests/CN=New Root' self 20150101000000Z 20350101000000Z
{
    server 'DNS:mail.example.org'
    echo 'authorityKeyIdentifier = none'
} | cert fake_leaf '/CN=mail.example.org' fake_root 20190101000000Z 20240101000000Z
server 'DNS:mail.example.org' | cert fake_leaf_keyid '/CN=mail.example.org' fake_root 20190101000000Z 20240101000000Z

# An intermediate of an organization that has a public root, and one of another that is only known by its name.
authority | cert kin '/C=DE/O=Starttap Tests/CN=Kin' self 20150101000000Z 20350101000000Z
server 'DNS:mail.example.org' | cert kin_leaf '/CN=mail.example.org' kin 20190101000000Z 20240101000000Z
authority | cert operator "/C=US/O=Let's Encrypt/CN=R99" self 20150101000000Z 20350101000000Z
server 'DNS:mail.example.org' | cert operator_leaf '/CN=mail.example.org' operator 20190101000000Z 20240101000000Z
{
    server 'DNS:mail.example.org'
    printf 'crlDistributionPoints = URI:http://ca.example.org/r99.crl\ncertificatePolicies = 2.23.140.1.2.1\n'
} | cert operator_marked '/CN=mail.example.org' operator 20190101000000Z 20240101000000Z
key exponent3 -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -pkeyopt rsa_keygen_pubexp:3
server 'DNS:e3.example.org' | cert exponent3 '/CN=e3.example.org' operator 20190101000000Z 20240101000000Z

# Dates of both forms, far off; a name with everything that needs escaping.
server 'DNS:dates.example.org' |
    cert dates '/C=DE/O=Müller\, Söhne \+ Co/OU=First/OU=Second/CN=ümlaut "quoted"+emailAddress=a@example.org' \
        inter 19550101000000Z 20991231235959Z

# Keys.
key rsa1024 -algorithm RSA -pkeyopt rsa_keygen_bits:1024
server 'DNS:rsa.example.org' | cert rsa1024 '/CN=rsa.example.org' inter 20190101000000Z 20240101000000Z sha1
key large_e -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -pkeyopt rsa_keygen_pubexp:0x1000000000000000d
server 'DNS:e.example.org' | cert large_e '/CN=e.example.org' inter 20190101000000Z 20240101000000Z
key explicit -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit
server 'DNS:x.example.org' | cert explicit '/CN=x.example.org' inter 20190101000000Z 20240101000000Z
key binary -algorithm EC -pkeyopt ec_paramgen_curve:sect233k1
server 'DNS:b.example.org' | cert binary '/CN=b.example.org' inter 20190101000000Z 20240101000000Z
key ed25519 -algorithm ED25519
server 'DNS:ed.example.org' | cert ed25519 '/CN=ed.example.org' inter 20190101000000Z 20240101000000Z

names=DNS:n0.example.org
i=1
while [ $i -lt 70 ]; do
    names="$names,DNS:n$i.example.org"
    i=$((i + 1))
done
server "$names" | cert many_names '/CN=n0.example.org' inter 20190101000000Z 20240101000000Z

# Serial numbers that RFC 5280 forbids; their dates do not matter.
for serial in 0 -4660; do
    openssl req -x509 -new -key leaf.key -subj /CN=serial -days 1 -set_serial $serial -outform DER \
        -out "$out/serial_$serial.der"
done

cp root.pem old_root.pem other_root.pem inter.pem "$out"
cat root.pem old_root.pem > "$out/both_roots.pem"
