#!/bin/bash
# sogo.sh there | start DIR PORT | stop DIR
# A throw-away SOGo in DIR, as root or not, with all it needs: PORT speaks ActiveSync over HTTP, PORT+1 is its database,
# PORT+2 its cache, and PORT+3 and PORT+4 the Dovecot behind it (dovecot.sh), by which another device is played. The same
# users and passwords. SOGO_EXTRA is added to its arguments, a word a line. Prints its process id.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
postgres=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -n 1)
there() { [ -n "$postgres" ] && command -v sogod memcached dovecot > /dev/null; }
# SOGo and its database refuse to be root: what is begun with these words isn't.
become_sogo() {
  become=()
  if [ "$(id -u)" = 0 ]; then become=(setpriv --reuid=sogo --regid=sogo --clear-groups); fi
  become+=(env -i "HOME=$dir/home" LOGNAME=sogo USER=sogo PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "TMPDIR=$dir/tmp")
}
in_background() { # name command…
  local name=$1
  shift
  setsid "$@" > "$dir/log/$name" 2>&1 < /dev/null &
  echo $! > "$dir/run/$name.pid"
}
wait_for() { # seconds command…
  local end=$((SECONDS + $1))
  shift
  until "$@" 2> /dev/null; do
    [ $SECONDS -lt $end ] || { echo "sogo.sh: not there in time: $*" >&2; return 1; }
    sleep 0.02
  done
}
listens() { (exec 3<> "/dev/tcp/127.0.0.1/$1"); }
answers() {
  exec 3<> "/dev/tcp/127.0.0.1/$1" || return 1
  printf 'OPTIONS /SOGo/Microsoft-Server-ActiveSync HTTP/1.0\r\n\r\n' >&3
  grep -q '^HTTP' <&3
}
sql() { "${become[@]}" "$postgres/psql" -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p $((port + 1)) -U sogo "$@"; }
start_database() {
  if [ -f "$dir/database/PG_VERSION" ]; then # it was stopped
    in_background database "${become[@]}" "$postgres/postgres" -D "$dir/database"
    wait_for 20 sql -d sogo -c 'SELECT 1' -o /dev/null
    return
  fi
  chmod 700 "$dir/database"
  "${become[@]}" "$postgres/initdb" -D "$dir/database" -U sogo --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 > "$dir/log/initdb"
  cat >> "$dir/database/postgresql.conf" << C
listen_addresses = '127.0.0.1'
port = $((port + 1))
unix_socket_directories = '$dir/run'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 16MB
max_connections = 60
C
  in_background database "${become[@]}" "$postgres/postgres" -D "$dir/database"
  wait_for 20 sql -d postgres -c 'CREATE DATABASE sogo'
  sql -d sogo -c 'CREATE TABLE sogo_users (c_uid varchar(64) PRIMARY KEY, c_name varchar(64), c_password varchar(128), c_cn
    varchar(128), mail varchar(128))'
  local user
  for user in alice bob carol; do
    sql -d sogo -c "INSERT INTO sogo_users VALUES ('$user', '$user', 'secret', '$user', '$user@surel.test')"
  done
}
start_sogo() {
  local database=postgresql://sogo:sogo@127.0.0.1:$((port + 1))/sogo
  local -a extra=()
  [ -z "${SOGO_EXTRA:-}" ] || mapfile -t extra <<< "$SOGO_EXTRA"
  # What stands in its command line goes before what stands in /etc.
  "${become[@]}" sogod -WOPort "127.0.0.1:$port" -WOWorkersCount 6 -WOListenQueueSize 128 -WOPidFile "$dir/run/sogod.pid" \
    -WOLogFile "$dir/log/sogo" -WOWatchDogRequestTimeout 60 -SxVMemLimit 0 -SOGoProfileURL "$database/sogo_user_profile" \
    -OCSFolderInfoURL "$database/sogo_folder_info" -OCSSessionsFolderURL "$database/sogo_sessions_folder" \
    -OCSEMailAlarmsFolderURL "$database/sogo_alarms_folder" -SOGoUserSources "({type = sql; id = users; viewURL =
      \"$database/sogo_users\"; canAuthenticate = YES; isAddressBook = YES; displayName = \"Directory\";
      userPasswordAlgorithm = plain;})" \
    -SOGoIMAPServer "imap://127.0.0.1:$((port + 3))" -SOGoMailDomain surel.test -SOGoMemcachedHost "127.0.0.1:$((port + 2))" \
    -SOGoMailSpoolPath "$dir/spool" -SOGoTimeZone UTC -SOGoMaximumPingInterval 300 -SOGoMaximumSyncInterval 300 \
    -SOGoInternalSyncInterval 5 -SOGoEASSearchInBody YES "${extra[@]}" > "$dir/log/sogod" 2>&1
  wait_for 20 answers "$port"
}
start() {
  mkdir -p "$dir"/{run,log,tmp,home,database,spool}
  chmod 755 "$dir"
  rm -f "$dir/run/sogod.pid"
  if [ "$(id -u)" = 0 ]; then chown -R sogo:sogo "$dir"/{run,log,tmp,home,database,spool}; fi
  become_sogo
  "$here/dovecot.sh" start "$dir/dovecot" $((port + 3)) > /dev/null
  in_background cache "${become[@]}" memcached -l 127.0.0.1 -p $((port + 2)) -U 0 -m 32
  start_database
  wait_for 10 listens $((port + 2))
  start_sogo
  cat "$dir/run/sogod.pid"
}
end() { # signal name
  local process
  process=$(head -n 1 "$dir/run/$2.pid" 2> /dev/null) || return 0
  [ -n "$process" ] || return 0
  kill "-$1" "$process" 2> /dev/null || return 0
  wait_for 10 ended "$process" || kill -KILL "$process" 2> /dev/null || true
}
ended() { ! kill -0 "$1" 2> /dev/null || grep -q '^State:.Z' "/proc/$1/status"; }
stop() {
  # It takes twelve seconds to end when it is asked to; all it knows is in the database.
  local watchdog
  watchdog=$(head -n 1 "$dir/run/sogod.pid" 2> /dev/null || true)
  if [ -n "$watchdog" ] && tr '\0' ' ' < "/proc/$watchdog/cmdline" 2> /dev/null | grep -qF -- "-WOPidFile $dir/run/"; then
    # shellcheck disable=SC2046
    kill -KILL "$watchdog" $(ps -o pid= --ppid "$watchdog") 2> /dev/null || true
  fi
  end INT database
  end TERM cache
  "$here/dovecot.sh" stop "$dir/dovecot"
}
case $1 in
  there) there ;;
  start) dir=$2 port=$3; start ;;
  stop) dir=$2; stop ;;
  *) sed -n 2,5p "$0" >&2; exit 2 ;;
esac
