#!/bin/sh
# Makes an authority, and with it certificates for the names of attache.yaml and for one client, into
# the folder `tls` beside this file, or into the folder that is named. For trying out: whoever has the
# authority's key can be anybody.
set -eu
folder=${1:-$(dirname "$0")/tls}
mkdir -p "$folder"
cd "$folder"
umask 077

new_key() {
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"
}

new_key authority-key.pem
openssl req -x509 -new -key authority-key.pem -subj "/CN=an authority for trying out" -days 30 \
  -addext basicConstraints=critical,CA:true -out authority.pem

certify() {
  new_key "$1-key.pem"
  openssl req -new -key "$1-key.pem" -subj "/C=US/CN=$1" -out "$1.csr"
  printf 'subjectAltName=DNS:%s\n' "$1" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA authority.pem -CAkey authority-key.pem -CAcreateserial \
    -days 30 -extfile "$1.ext" -out "$1.pem" 2> /dev/null
  rm "$1.csr" "$1.ext"
}

certify api.example.com
certify partner.example.com
certify client.example.com
