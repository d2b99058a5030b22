-- What a gate was told when it asked. A decision by hand changes what stands of the passage (answer), and never what the gate
-- hears when it asks again. Null: nobody has decided by hand.
ALTER TABLE passages ADD COLUMN first_answer jsonb;
