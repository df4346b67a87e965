#!/bin/bash
# cyrus.sh fetch | there | start DIR PORT | stop DIR
# A throw-away Cyrus in DIR, as root or not: PORT speaks IMAP, PORT+1 IMAP over TLS. Any user and any password will do.
# It is set up as Debian does it: folders are named INBOX.One, and what is deleted is kept out of sight for a while.
# CYRUS_EXTRA is added to its configuration, in which nothing may stand twice. Prints its process id.
#
# `fetch` unpacks Debian's packages below .build, since they can't be installed beside Dovecot; `there` says whether
# that was done.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
unpacked=$here/../../.build/cyrus
fetch() {
  [ ! -e "$unpacked" ] || return 0
  mkdir -p "${unpacked%/*}"
  new=$(mktemp -d "$unpacked-XXXXXX")
  trap 'rm -rf "$new"' EXIT
  cd "$new"
  local -a own=(-o Dir::State::lists="$new/lists" -o Dir::Cache="$new/cache" -o APT::Sandbox::User=)
  mkdir -p lists/partial cache/archives/partial
  # The lists of the machine may be missing, or too old for what the archive has; anybody can have lists of one's own.
  if ! download > log 2>&1 && ! { apt-get "${own[@]}" update -q && download "${own[@]}"; } >> log 2>&1; then
    tail -n 5 log >&2
    echo "Cyrus can't be downloaded" >&2
    return 1
  fi
  for package in ./*.deb; do dpkg-deb -x "$package" root; done
  if LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-*) ldd root/usr/lib/cyrus/bin/imapd | grep 'not found' >&2; then
    echo "Cyrus needs these" >&2
    return 1
  fi
  chmod 755 root
  # Another run may have been quicker.
  mv -T root "$unpacked" 2> /dev/null || [ -e "$unpacked" ]
}
download() { # options…
  apt-get -o APT::Sandbox::User= -o Acquire::Retries=3 "$@" download -q cyrus-common cyrus-imapd
}
configure() { # port
  if [ "$(id -u)" = 0 ]; then mail=nobody group=nogroup; else mail=$(id -un) group=$(id -gn); fi
  mkdir -p "$dir"/{bin,lib,conf,spool,run}
  chmod 755 "$dir"
  "$here/certificates.sh" "$dir/tls"
  # All of it is here: the user it runs as may not reach the checkout.
  cp "$unpacked"/usr/lib/cyrus/bin/{master,imapd,idled,ctl_cyrusdb} "$dir/bin"
  cp "$unpacked"/usr/lib/*-linux-*/libcyrus*.so.? "$dir/lib"
  cat > "$dir/imapd.conf" << C
configdirectory: $dir/conf
defaultpartition: default
partition-default: $dir/spool
proc_path: $dir/run/proc
mboxname_lockpath: $dir/run/lock
idlesocket: $dir/run/idle
cyrus_user: $mail
servername: localhost
altnamespace: no
unixhierarchysep: no
hashimapspool: yes
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: alwaystrue
tls_server_cert: $dir/tls/server.pem
tls_server_key: $dir/tls/server.key
autocreate_quota: 0
autocreate_inbox_folders: Drafts|Sent|Trash|Junk|Archive
autocreate_subscribe_folders: Drafts|Sent|Trash|Junk
xlist-Drafts: Drafts
xlist-Sent: Sent
xlist-Trash: Trash
xlist-Junk: Junk
xlist-Archive: Archive
skiplist_unsafe: yes
${CYRUS_EXTRA:-}
C
  # Each program has to be told where its configuration is, or takes that of the machine.
  cat > "$dir/cyrus.conf" << C
START {
  recover cmd="$dir/bin/ctl_cyrusdb -r -C $dir/imapd.conf"
}
SERVICES {
  imap cmd="$dir/bin/imapd -C $dir/imapd.conf" listen="127.0.0.1:$1" proto="tcp4" prefork=1
  imaps cmd="$dir/bin/imapd -s -C $dir/imapd.conf" listen="127.0.0.1:$(($1 + 1))" proto="tcp4"
}
DAEMON {
  idled cmd="$dir/bin/idled -C $dir/imapd.conf"
}
C
}
# Whether it is this one that has the port: where another does Cyrus goes on without.
listens() { # process id, port
  local inode
  inode=$(awk -v at="0100007F:$(printf %04X "$2")" '$2 == at && $4 == "0A" {print $10}' /proc/net/tcp)
  [ -n "$inode" ] && [ -n "$(find "/proc/$1/fd" -lname "socket:\[$inode\]" 2> /dev/null)" ]
}
# All of it, at once: nothing here is worth a clean end.
stop() {
  pid=$(cat "$dir/run/master.pid" 2> /dev/null) || return 0
  kill -KILL -- "-$pid" 2> /dev/null || kill -KILL "$pid" 2> /dev/null || true
  # One that is dead and not yet waited for is gone.
  while kill -0 "$pid" 2> /dev/null && ! grep -qs '^State:.*Z' "/proc/$pid/status"; do sleep 0.01; done
}
case $1 in
  fetch) fetch ;;
  there) [ -e "$unpacked" ] ;;
  start)
    dir=$2
    mkdir -p "$dir"
    rm -f "$dir/run/master.pid"
    configure "$3"
    as_mail=()
    if [ "$(id -u)" = 0 ]; then
      chown -R "$mail:$group" "$dir/conf" "$dir/spool" "$dir/run"
      as_mail=(setpriv --reuid="$mail" --regid="$group" --clear-groups)
    fi
    LD_LIBRARY_PATH=$dir/lib setsid "${as_mail[@]}" "$dir/bin/master" -C "$dir/imapd.conf" -M "$dir/cyrus.conf" \
      -p "$dir/run/master.pid" < /dev/null >> "$dir/out" 2>&1 &
    for _ in $(seq 500); do
      if [ -s "$dir/run/master.pid" ] && listens "$(cat "$dir/run/master.pid")" "$3"; then
        cat "$dir/run/master.pid"
        exit 0
      fi
      sleep 0.01
    done
    stop
    exit 1
    ;;
  stop)
    dir=$2
    stop
    ;;
  *) exit 2 ;;
esac
