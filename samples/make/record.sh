#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# record.sh [NAME...]: makes the captures of samples/ again, all or those named, from real servers and clients.
#
# Needs root and, on Debian: postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-managesieved swaks
# libnet-ssleay-perl libauthen-sasl-perl gnutls-bin curl openssl python3 tcpdump iproute2 ethtool. Servers and clients
# live in three network namespaces with documentation addresses and host names of their own; nothing leaves them, and
# whatever this script started or made is gone when it ends, also when it is interrupted.
#
#   client 198.51.100.10, .11 ---- mail0 ---- 192.0.2.25-28, .143  server   Postfix, Dovecot, openssl s_server
#                             \--- relay0 --- 192.0.2.29           relay    masking_relay.py, and on to the server
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
samples=$(dirname "$here")
work=$(mktemp -d /tmp/starttap-record.XXXXXX)
client=st-client-$$ relay=st-relay-$$ server=st-server-$$
pids=()

stop() { # SIGNAL PID...: ends what this script started, by number. The child of an unshare is the first process of its
  # namespace, and all others go with it.
  local pid children signal=$1
  shift
  for pid in "$@"; do
    children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) || continue
    # shellcheck disable=SC2086
    kill -"$signal" $children "$pid" 2>/dev/null || true
  done
  for pid in "$@"; do wait "$pid" || true; done
}

clean_up() {
  trap - EXIT INT TERM HUP
  exec 2>/dev/null # The shell's own notices of what is killed here are no news.
  stop KILL "${pids[@]}"
  for space in "$client" "$relay" "$server"; do ip netns del "$space" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# in_space NAMESPACE HOSTNAME COMMAND...: with that host name, and without this machine's hosts and resolver. Daemons
# fork and change their process group, so each command gets a process namespace of its own.
in_space() {
  local space=$1 name=$2
  shift 2
  # shellcheck disable=SC2016
  exec ip netns exec "$space" unshare --uts --mount --pid --fork --kill-child --mount-proc bash -c 'hostname "$1"
    mount --bind "$2/hosts" /etc/hosts; mount --bind /dev/null /etc/resolv.conf; shift 2; exec "$@"' \
    in_space "$name" "$work" "$@"
}
on_client() { (in_space "$client" client.example.org "$@"); }
start() { # NAMESPACE HOSTNAME COMMAND...: leaves the process number in $started.
  (in_space "$@") </dev/null >>"$work/daemons.log" 2>&1 &
  started=$!
  pids+=("$started")
}

make_network() {
  local space
  for space in "$client" "$relay" "$server"; do
    ip netns add "$space"
    ip -n "$space" link set lo up
  done
  link "$client" mail0 02:00:00:00:00:10 "$server" mail0 02:00:00:00:00:25
  link "$client" relay0 02:00:00:00:00:11 "$relay" outside 02:00:00:00:00:29
  link "$relay" inside 02:00:00:00:00:30 "$server" inside 02:00:00:00:00:31
  local address
  for address in 198.51.100.10/32 198.51.100.11/32; do ip -n "$client" addr add "$address" dev mail0; done
  for address in 192.0.2.{25,26,27,28,143}/32; do ip -n "$server" addr add "$address" dev mail0; done
  ip -n "$client" addr add 2001:db8:1::10/128 dev mail0 nodad
  ip -n "$server" addr add 2001:db8::25/128 dev mail0 nodad
  ip -n "$relay" addr add 192.0.2.29/32 dev outside
  ip -n "$relay" addr add 198.51.100.129/30 dev inside
  ip -n "$server" addr add 198.51.100.130/30 dev inside
  ip -n "$client" route add 192.0.2.0/24 dev mail0
  ip -n "$client" route add 192.0.2.29/32 dev relay0 src 198.51.100.10
  ip -n "$client" -6 route add 2001:db8::/64 dev mail0
  ip -n "$server" route add 198.51.100.0/25 dev mail0
  ip -n "$server" -6 route add 2001:db8:1::/64 dev mail0
  ip -n "$relay" route add 198.51.100.10/32 dev outside
}

link() { # NAMESPACE NAME MAC NAMESPACE NAME MAC. Without offloads frames look and sum up as on a cable.
  ip link add "$2" netns "$1" address "$3" type veth peer name "$5" netns "$4" address "$6"
  ip -n "$1" link set "$2" up
  ip -n "$4" link set "$5" up
  ip netns exec "$1" ethtool -K "$2" tx off tso off gso off gro off >/dev/null
  ip netns exec "$4" ethtool -K "$5" tx off tso off gso off gro off >/dev/null
}

make_servers() {
  chmod 755 "$work"
  cat >"$work/hosts" <<'HOSTS'
127.0.0.1 localhost
192.0.2.25 mx.example.org
192.0.2.143 mail.example.org
192.0.2.28 legacy.example.org
198.51.100.10 client.example.org
HOSTS
  "$here/pki.sh" "$work/pki"
  chmod 755 "$work/pki"
  mkdir -p "$work/postfix" "$work/queue" "$work/data" "$work/dovecot" "$work/mail"
  chown postfix "$work/data"
  chown mail:mail "$work/mail"
  printf '%s:%s\n' "$user" "$password" >"$work/users"
  chmod 644 "$work/users"
  sed "s#@WORK@#$work#g" "$here/templates/main.cf.in" >"$work/postfix/main.cf"
  sed "s#@WORK@#$work#g" "$here/templates/master.cf.in" >"$work/postfix/master.cf"
  sed "s#@WORK@#$work#g" "$here/templates/dovecot.conf.in" >"$work/dovecot.conf"
  start "$server" mail.example.org dovecot -F -c "$work/dovecot.conf"
  start "$server" mx.example.org postfix -c "$work/postfix" start-fg
  wait_for "$server" 192.0.2.25 25
  wait_for "$server" 192.0.2.143 143
}

wait_for() { # NAMESPACE IP PORT
  local tries=100
  while ((tries-- > 0)); do
    ip netns exec "$1" ss -Hltn | grep -Fqe " $2:$3 " -e " 0.0.0.0:$3 " -e " *:$3 " && return 0
    sleep 0.1
  done
  echo "record.sh: nothing listens on $2 port $3" >&2
  tail -20 "$work"/*.log >&2 || true
  return 1
}

# record NAME INTERFACE CASE: runs the function CASE while tcpdump watches the client's interface.
record() {
  local name=$1 interface=$2
  [[ ${#wanted[@]} -eq 0 || " ${wanted[*]} " == *" $name "* ]] || return 0
  : >"$work/tcpdump.log"
  ip netns exec "$client" tcpdump -i "$interface" -Z root -U --immediate-mode -w "$work/$name.pcap" tcp \
    2>"$work/tcpdump.log" &
  local tcpdump=$!
  pids+=("$tcpdump")
  until grep -q 'listening on' "$work/tcpdump.log"; do sleep 0.05; done
  "$3" >>"$work/clients.log" 2>&1 || echo "$name: the client ended with status $?" >>"$work/clients.log"
  sleep 0.5
  stop TERM "$tcpdump"
  install -m 644 "$work/$name.pcap" "$samples/$name.pcap"
  echo "$name: $(stat -c %s "$samples/$name.pcap") bytes"
}

# shellcheck source=cases.sh
. "$here/cases.sh"
wanted=("$@")
make_network
make_servers
record_all
if [[ -n ${KEEP_LOGS:-} ]]; then cat "$work"/*.log; fi
