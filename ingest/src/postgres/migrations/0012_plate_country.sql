-- Where the vehicle is registered (ISO 3166-1 alpha-2), if the declaration says so.
ALTER TABLE trips ADD COLUMN plate_country text;
