#!/bin/sh
# certificates.sh DIR: a throw-away authority and what servers show: good, for another host, expired,
# not valid yet, and signed by nobody.
set -eu
mkdir -p "$1"
cd "$1"
[ -s server.pem ] && exit 0
make_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null; }
make_key ca
openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=Surel test authority" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem
: > index.txt
echo 1000 > serial
mkdir -p new
cat > ca.cnf <<'X'
[ca]
default_ca=d
[d]
dir=.
database=index.txt
new_certs_dir=new
serial=serial
default_md=sha256
policy=p
email_in_dn=no
rand_serial=yes
unique_subject=no
copy_extensions=none
[p]
commonName=supplied
X
sign() { # name, common name, names, from, to
  make_key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n' "$3" > "$1.ext"
  openssl ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in "$1.csr" -out "$1.pem" \
    -startdate "$4" -enddate "$5" -extfile "$1.ext" 2>/dev/null
}
sign server localhost "DNS:localhost,IP:127.0.0.1,IP:127.0.0.5" 20200101000000Z 20450101000000Z
sign wrong other.invalid "DNS:other.invalid" 20200101000000Z 20450101000000Z
sign expired localhost "DNS:localhost,IP:127.0.0.1" 20200101000000Z 20200102000000Z
sign early localhost "DNS:localhost,IP:127.0.0.1" 20400101000000Z 20450101000000Z
make_key self
openssl req -x509 -new -key self.key -sha256 -days 3650 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -out self.pem
chmod 644 ./*.key # throw-away keys; the server may run as another user
