#!/bin/sh
# Writes what RabbitMQ is to know at its first start: a virtual host, the four exchanges, and a user for each role with no more
# rights than the role needs. RabbitMQ then makes no user "guest". Usage:
#   export GATEWAY_BUS_PASSWORD=$(openssl rand -hex 24) WORKER_BUS_PASSWORD=$(openssl rand -hex 24) API_BUS_PASSWORD=$(openssl rand -hex 24)
#   (umask 077; deploy/rabbitmq/definitions.sh > definitions.json)    # load_definitions of rabbitmq.conf names it
set -eu
for name in GATEWAY_BUS_PASSWORD WORKER_BUS_PASSWORD API_BUS_PASSWORD; do
  eval "value=\${$name:-}"
  case $value in
    '' ) echo "set $name, e.g. to the output of openssl rand -hex 24" >&2; exit 1 ;;
    *[!A-Za-z0-9_-]* ) echo "$name: expected letters, digits, - and _ alone" >&2; exit 1 ;;
  esac
done
user() { printf '{"name":"%s","password":"%s","tags":[]}' "$1" "$2"; }
exchange() { printf '{"name":"sealwatch.%s","vhost":"sealwatch","type":"%s","durable":true,"auto_delete":false,"internal":false,"arguments":{}}' "$1" "$2"; }
# of the role's own queues: it makes, binds and reads them; nobody else can, for they are exclusive
may() { printf '{"user":"%s","vhost":"sealwatch","configure":"^sealwatch\\\\.(%s)\\\\.","write":"%s","read":"%s"}' "$1" "$2" "$3" "$4"; }
own() { printf '^sealwatch\\\\.(%s)\\\\.|^sealwatch\\\\.(%s)$' "$1" "$2"; }
cat <<JSON
{
  "users": [
    $(user gateway "$GATEWAY_BUS_PASSWORD"),
    $(user worker "$WORKER_BUS_PASSWORD"),
    $(user api "$API_BUS_PASSWORD")
  ],
  "vhosts": [{ "name": "sealwatch" }],
  "permissions": [
    $(may gateway 'answers|hints' "$(own 'answers|hints' 'reports|hints')" "$(own 'answers|hints' 'answers|hints')"),
    $(may worker 'reports|hints' "$(own 'reports|hints' 'answers|live|hints')" "$(own 'reports|hints' 'reports|hints')"),
    $(may api 'answers|live|hints' "$(own 'answers|live|hints' 'reports|hints')" "$(own 'answers|live|hints' 'answers|live|hints')")
  ],
  "exchanges": [
    $(exchange reports direct),
    $(exchange answers direct),
    $(exchange live fanout),
    $(exchange hints fanout)
  ]
}
JSON
