-- Run once, on an empty data folder: the service owns its database, and is no superuser.
\set password `cat /run/secrets/database-password`
CREATE ROLE uploads LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
CREATE DATABASE uploads OWNER uploads ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE uploads FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
