-- Who is told of the events in the outbox, and how each telling stands.
CREATE TABLE subscriptions (
  subscription_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at      timestamptz NOT NULL DEFAULT now(),
  created_by      text NOT NULL,
  url             text NOT NULL,
  -- none: every type
  types           text[] NOT NULL DEFAULT '{}',
  -- only trips of these offices; none: all
  offices         text[] NOT NULL DEFAULT '{}',
  -- sealed under a key that is not in the database (outbox/secretbox.ts)
  secret          bytea NOT NULL,
  -- the secret before a rotation; signs beside the new one until then
  old_secret      bytea,
  old_until       timestamptz,
  disabled_at     timestamptz,
  disabled_reason text
);

-- Not yet handed out to the subscriptions while null. A platform that comes to this schema starts with what happens next.
ALTER TABLE outbox ADD COLUMN handed_at timestamptz;
UPDATE outbox SET handed_at = created_at;
CREATE INDEX outbox_to_hand ON outbox (outbox_id) WHERE handed_at IS NULL;

-- One event for one subscription:
--
--   waiting ──2xx──► delivered
--      │ └──attempts used up, 410, disabled──► dead
--      └◄── again by hand ──┘
CREATE TABLE deliveries (
  delivery_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  subscription_id uuid NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
  outbox_id       bigint NOT NULL REFERENCES outbox,
  -- deliveries of one subscription and lane go out one after the other: the trip's id, else the event's own
  lane            uuid NOT NULL,
  state           text NOT NULL DEFAULT 'waiting',
  -- sent again by hand: outside the order of its lane
  by_hand         boolean NOT NULL DEFAULT false,
  attempts        int NOT NULL DEFAULT 0,
  -- while it is being sent: when it may be taken up by somebody else
  next_at         timestamptz NOT NULL,
  last_at         timestamptz,
  last_status     int,
  last_error      text,
  ended_at        timestamptz,
  UNIQUE (subscription_id, outbox_id)
);
CREATE INDEX deliveries_due ON deliveries (subscription_id, next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_lane ON deliveries (subscription_id, lane, outbox_id) WHERE state = 'waiting';
CREATE INDEX deliveries_by_event ON deliveries (outbox_id);
