# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# cases.sh: what each capture of samples/ shows, as the client's command line. Read by record.sh, which knows the
# variables that are not set here.
# shellcheck disable=SC2154

# Made up, and found nowhere else: tests search all output for them. samples/CANARIES.txt lists them.
user=canary-user-hollyhock
password='Canary-Passw0rd-Larkspur'
body='canary-body-foxglove and nothing else'
subject='canary-subject-snapdragon'
sender=canary-sender-marigold@example.org
recipient=canary-recipient-periwinkle@example.org

send() { # OPTIONS...: one mail by swaks.
  on_client swaks --helo client.example.org --from "$sender" --to "$recipient" --timeout 5 \
    --header "Subject: $subject" --body "$body" "$@"
}

# talk WORD COMMAND...: waits for the greeting as a person would, then says goodbye with that word.
talk() {
  local word=$1
  shift
  { sleep 0.7; printf '%s\r\n' "$word"; sleep 0.3; } | on_client timeout 10 "$@"
}
s_client=(openssl s_client -nocommands)

smtp_starttls_tls12() {
  send --server mx.example.org --tls --tls-protocol tlsv1_2 --tls-verify --tls-ca-path "$work/pki/ca.pem"
}
smtp_starttls_tls13() {
  talk QUIT "${s_client[@]}" -starttls smtp -name client.example.org -connect '[2001:db8::25]:25' \
    -servername mx.example.org -CAfile "$work/pki/ca.pem"
}
smtp_starttls_unknown_ca() {
  talk QUIT "${s_client[@]}" -starttls smtp -name client.example.org -connect mx.example.org:25 \
    -servername mx.example.org -tls1_2 -verify_return_error -no-CApath -no-CAstore -no-CAfile
}
smtp_clear_offered_not_used() {
  send --server mx.example.org --port 587 --auth PLAIN --auth-user "$user" --auth-password "$password"
}
smtp_530_must_starttls() { send --server 192.0.2.26 --port 587; }
smtp_454_refused() { send --server 192.0.2.27 --tls-optional; }
smtps_expired_cert() {
  talk QUIT "${s_client[@]}" -connect 192.0.2.26:465 -servername mx.example.org -tls1_2 -verify_return_error \
    -CAfile "$work/pki/ca.pem"
}

smtp_cisco_masked() {
  start "$relay" relay.example.org /usr/bin/python3 "$here/masking_relay.py" 192.0.2.29 25 198.51.100.130 25
  wait_for "$relay" 192.0.2.29 25
  send --server 192.0.2.29 --tls-optional
}

imap_starttls_tls12() {
  on_client curl --silent --ssl-reqd --tls-max 1.2 --cacert "$work/pki/ca.pem" --user "$user:$password" \
    imap://mail.example.org/
}
imap_implicit_tls13() {
  on_client curl --silent --cacert "$work/pki/ca.pem" --user "$user:$password" imaps://mail.example.org/
}
imap_login_clear() { on_client /usr/bin/python3 "$here/client.py" imap-clear mail.example.org "$user" "$password"; }
pop3_stls() {
  on_client /usr/bin/python3 "$here/client.py" pop3-stls mail.example.org "$user" "$password" "$work/pki/ca.pem"
}
sieve_starttls() {
  talk LOGOUT gnutls-cli --starttls-proto=sieve --port=4190 --priority=NORMAL:-VERS-TLS1.3 \
    --x509cafile="$work/pki/ca.pem" mail.example.org
}
lmtp_starttls() { send --protocol LMTP --server mail.example.org --port 24 --to "$user" --tls --tls-protocol tlsv1_2; }

# An old server and two clients: one with today's minimum of TLS 1.2 is refused, one told to go back to 1.0 gets in.
# s_server sends what it reads, so its half of the dialogue is written here.
implicit_465_tls10_oldserver() {
  mkfifo "$work/dialogue"
  exec 7<>"$work/dialogue"
  (in_space "$server" legacy.example.org openssl s_server -quiet -accept 192.0.2.28:465 -naccept 2 \
    -key "$work/pki/old.key" -cert "$work/pki/old.pem" -tls1 -cipher 'AES128-SHA:DES-CBC3-SHA:@SECLEVEL=0') \
    <&7 >>"$work/daemons.log" 2>&1 &
  pids+=($!)
  wait_for "$server" 192.0.2.28 465
  local old=(-connect legacy.example.org:465 -servername legacy.example.org)
  talk QUIT "${s_client[@]}" "${old[@]}" -bind 198.51.100.11:0 -min_protocol TLSv1.2 || true
  talk QUIT "${s_client[@]}" "${old[@]}" -bind 198.51.100.10:0 -min_protocol TLSv1 -cipher 'ALL:@SECLEVEL=0' &
  local second=$!
  sleep 0.4
  printf '220 legacy.example.org ESMTP\r\n' >&7
  sleep 0.5
  printf '221 2.0.0 Bye\r\n' >&7
  wait "$second"
  exec 7>&-
}

record_all() {
  record smtp-starttls-tls12 mail0 smtp_starttls_tls12
  record smtp-starttls-tls13 mail0 smtp_starttls_tls13
  record smtp-starttls-unknown-ca mail0 smtp_starttls_unknown_ca
  record smtp-clear-offered-not-used mail0 smtp_clear_offered_not_used
  record smtp-cisco-masked relay0 smtp_cisco_masked
  record smtp-530-must-starttls mail0 smtp_530_must_starttls
  record smtp-454-refused mail0 smtp_454_refused
  record smtps-expired-cert mail0 smtps_expired_cert
  record implicit-465-tls10-oldserver mail0 implicit_465_tls10_oldserver
  record imap-starttls-tls12 mail0 imap_starttls_tls12
  record imap-implicit-tls13 mail0 imap_implicit_tls13
  record imap-login-clear mail0 imap_login_clear
  record pop3-stls mail0 pop3_stls
  record sieve-starttls mail0 sieve_starttls
  record lmtp-starttls mail0 lmtp_starttls
}
