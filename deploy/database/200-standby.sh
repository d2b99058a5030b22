#!/bin/sh
# First start of the database of a pair: lets its standby connect, and has every COMMIT wait for it once the server runs. The
# server that this first start uses knows nothing of it: nobody could connect to that one. With the
# GRANT sealwatch doctor sees whether the standby is synchronous. Run by the entrypoint of the image.
set -eu
echo 'host replication postgres all scram-sha-256' >> "$PGDATA/pg_hba.conf"
psql -X -q -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  -c "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby)'" \
  -c 'GRANT pg_read_all_stats TO sealwatch'
