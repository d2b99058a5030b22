#!/bin/sh
# Makes the platform's role and database. Run as superuser: by the entrypoint of the database's image on its first start, or
# by hand on a server of one's own (PGHOST, POSTGRES_USER and SEALWATCH_DB_PASSWORD set; psql 15 or newer).
# The role owns its database and nothing else: the triggers that keep the audit hold up everybody but a superuser.
set -eu
psql -X -q -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv password SEALWATCH_DB_PASSWORD
CREATE ROLE sealwatch LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE sealwatch OWNER sealwatch ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE sealwatch FROM PUBLIC;
\connect sealwatch
CREATE EXTENSION IF NOT EXISTS timescaledb;
SQL
