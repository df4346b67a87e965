#!/bin/bash
# dovecot.sh start DIR PORT | stop DIR
# A throw-away Dovecot in DIR, as root or not: PORT speaks IMAP, PORT+1 IMAP over TLS. Users alice, bob and
# carol, password `secret`. 127.0.0.2, .3 and .4 show a certificate for another host, an expired one and
# one that nobody signed. DOVECOT_EXTRA is added to its configuration. Prints its process id.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$2
configure() {
  if [ "$(id -u)" = 0 ]; then
    mail=nobody; group=nogroup; internal=dovecot; login=dovenull; internal_group=dovecot
  else
    mail=$(id -un); group=$(id -gn); internal=$mail; login=$mail; internal_group=$group
  fi
  mkdir -p "$dir/state" "$dir/home"
  chmod 755 "$dir"
  "$here/certificates.sh" "$dir/tls"
  : > "$dir/users"
  for user in alice bob carol; do
    echo "$user:{PLAIN}secret:$(id -u $mail):$(id -g $mail)::$dir/home/$user::" >> "$dir/users"
    mkdir -p "$dir/home/$user"
  done
  # One whose password can be told from all else.
  echo "dave:{PLAIN}pl4nted-s3cret:$(id -u $mail):$(id -g $mail)::$dir/home/dave::" >> "$dir/users"
  mkdir -p "$dir/home/dave"
  cat > "$dir/dovecot.conf" <<C
base_dir = $dir/run
state_dir = $dir/state
instance_name = surel-$1
log_path = $dir/log
hostname = localhost
default_internal_user = $internal
default_internal_group = $internal_group
default_login_user = $login
protocols = imap
listen = 127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4
shutdown_clients = yes
mail_max_userip_connections = 100
first_valid_uid = 1
first_valid_gid = 1
mail_location = mdbox:~/mdbox
mailbox_list_index = yes
mail_fsync = never
mailbox_idle_check_interval = 1 secs
auth_mechanisms = plain login
auth_failure_delay = 0
ssl = yes
disable_plaintext_auth = no
ssl_cert = <$dir/tls/server.pem
ssl_key = <$dir/tls/server.key
local 127.0.0.2 {
  ssl_cert = <$dir/tls/wrong.pem
  ssl_key = <$dir/tls/wrong.key
}
local 127.0.0.3 {
  ssl_cert = <$dir/tls/expired.pem
  ssl_key = <$dir/tls/expired.key
}
local 127.0.0.4 {
  ssl_cert = <$dir/tls/self.pem
  ssl_key = <$dir/tls/self.key
}
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u $dir/users
}
userdb {
  driver = passwd-file
  args = username_format=%u $dir/users
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \Drafts
    auto = subscribe
  }
  mailbox Sent {
    special_use = \Sent
    auto = subscribe
  }
  mailbox Trash {
    special_use = \Trash
    auto = subscribe
  }
  mailbox Junk {
    special_use = \Junk
    auto = subscribe
  }
  mailbox Archive {
    special_use = \Archive
    auto = create
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $1
  }
  inet_listener imaps {
    port = $(($1 + 1))
    ssl = yes
  }
}
service imap {
  process_limit = 200
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
${DOVECOT_EXTRA:-}
C
  if [ "$(id -u)" = 0 ]; then chown -R "$mail:$group" "$dir/home"; fi
}
case $1 in
  start)
    rm -rf "$dir/run" # what one that was killed has left confuses the next
    mkdir -p "$dir"
    configure "$3"
    setsid /usr/sbin/dovecot -F -c "$dir/dovecot.conf" < /dev/null >> "$dir/out" 2>&1 &
    for _ in $(seq 500); do
      if (: < /dev/tcp/127.0.0.1/"$3") 2>/dev/null && [ -s "$dir/run/master.pid" ]; then break; fi
      sleep 0.01
    done
    cat "$dir/run/master.pid"
    ;;
  stop)
    # All of it, at once: nothing here is worth a clean end.
    pid=$(cat "$dir/run/master.pid" 2>/dev/null) || exit 0
    kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
    # One that is dead and not yet waited for is gone.
    while kill -0 "$pid" 2>/dev/null && ! grep -qs '^State:.*Z' "/proc/$pid/status"; do sleep 0.01; done
    ;;
  *) exit 2 ;;
esac
