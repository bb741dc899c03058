#!/bin/sh
# Make the secrets that deploy/compose.yaml wants, each once, readable by their owner and the container.
set -eu
cd "$(dirname "$0")/compose/secrets"
for name in link_secret grafana_password; do
  if [ -s "$name" ]; then
    echo "$name is there"
  else
    head -c 32 /dev/urandom | base64 | tr -d '\n' >"$name"
    chmod 0444 "$name" # the proxy is not root, and compose mounts the file as it is
    echo "$name made"
  fi
done
chmod 0711 .
