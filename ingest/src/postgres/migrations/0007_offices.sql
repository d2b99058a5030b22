-- Customs offices, as the operator's file has them (sealwatch office import). While it is empty every four-digit code is taken.
CREATE TABLE offices (
  code    text PRIMARY KEY,
  name_zh text NOT NULL,
  name_en text NOT NULL
);
