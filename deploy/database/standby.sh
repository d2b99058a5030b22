#!/bin/sh
# A standby that follows the service `database`: copied on the first start, afterwards started as it is. PGPASSWORD: the
# superuser's. Its name, `standby`, is the one in synchronous_standby_names of the database.
set -eu
PGDATA=${PGDATA:-/var/lib/postgresql/data}
PRIMARY=${PRIMARY:-host=database port=5432}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  pg_basebackup -D "$PGDATA" -X stream -c fast -d "$PRIMARY user=postgres dbname=postgres"
  # the password stays in the environment
  echo "primary_conninfo = '$PRIMARY user=postgres application_name=standby'" >> "$PGDATA/postgresql.auto.conf"
  touch "$PGDATA/standby.signal"
fi
chmod 0700 "$PGDATA"
exec postgres -D "$PGDATA" "$@"
