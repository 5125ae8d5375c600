-- Delivery: what the market says of a purchase after it was made, and who was told.

ALTER TABLE guilds ADD COLUMN delivery TEXT CHECK (delivery IN ('at_once', 'when_ready'));

ALTER TABLE requests ADD COLUMN ready_at INTEGER; -- when the member pressed Send it now
ALTER TABLE requests ADD COLUMN remind_at INTEGER; -- when to remind them of it; none once done
ALTER TABLE requests ADD COLUMN here_at INTEGER; -- when the member last asked for another try
ALTER TABLE requests ADD COLUMN trade_url_at INTEGER; -- since when its copy was known to be theirs
CREATE INDEX requests_to_remind ON requests (remind_at) WHERE remind_at IS NOT NULL;

ALTER TABLE attempts ADD COLUMN trade_offer_id INTEGER; -- Steam's, since the trade waits
ALTER TABLE attempts ADD COLUMN status_at INTEGER; -- since when we know of its offer status
ALTER TABLE attempts ADD COLUMN not_waiting_at INTEGER; -- its trade was known not to wait yet
ALTER TABLE attempts ADD COLUMN accepted_at INTEGER; -- as long as it counts as accepted
ALTER TABLE attempts ADD COLUMN check_at INTEGER; -- when it is looked up next; none once closed
ALTER TABLE attempts ADD COLUMN closed_at INTEGER; -- looked up later than anything can change
ALTER TABLE attempts ADD COLUMN stuck_at INTEGER; -- since when its delivery needs a person
ALTER TABLE attempts ADD COLUMN told_in INTEGER; -- the part of the trade messages it stands in
ALTER TABLE attempts ADD COLUMN noticed_in INTEGER; -- the same of the moderators' notices
ALTER TABLE attempts ADD COLUMN back_at INTEGER; -- when the money of a failed one was seen back
ALTER TABLE attempts ADD COLUMN back_by INTEGER; -- by whom

UPDATE attempts SET status_at = ended_at, not_waiting_at = ended_at, check_at = ended_at
    WHERE state = 'purchased';
-- Their approval no longer counts, and no purchase will ever close them.
UPDATE requests SET expires_at = changed_at WHERE state = 'bought' AND expires_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.request_id = requests.request_id
                    AND attempts.state = 'purchased');
CREATE INDEX attempts_to_check ON attempts (check_at) WHERE check_at IS NOT NULL;
-- Failed deliveries to a Steam account, and what was spent and not seen back.
CREATE INDEX attempts_failed ON attempts (steam_id, status_at)
    WHERE state = 'purchased' AND offer_status IN
        ('canceled', 'timeout', 'invalid_trade_token', 'user_not_tradable', 'trade_create_error',
         'rollback_user', 'rollback_supplier');
CREATE INDEX attempts_not_back ON attempts (status_at, purchase_key)
    WHERE back_at IS NULL AND state = 'purchased' AND offer_status IN
        ('canceled', 'timeout', 'invalid_trade_token', 'user_not_tradable', 'trade_create_error',
         'rollback_user', 'rollback_supplier');
CREATE INDEX attempts_back ON attempts (back_at) WHERE back_at IS NOT NULL;
CREATE INDEX attempts_unclosed ON attempts (request_id)
    WHERE state = 'purchased' AND closed_at IS NULL;
CREATE INDEX attempts_of_account ON attempts (steam_id, sent_at); -- its calls, the latest first
CREATE INDEX strays_seen ON strays (seen_at);

-- Of some kinds there may be several about one request: told apart by their part.
DROP INDEX outbox_of_request;
DROP INDEX one_message;
DROP INDEX outbox_to_post;
DROP INDEX outbox_to_redraw;
DROP INDEX outbox_of_guilds;
DROP INDEX outbox_parked;
ALTER TABLE outbox RENAME TO outbox_before;
CREATE TABLE outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('approval_card', 'member_status', 'result', 'test_card',
                                       'pause_notice', 'trades', 'delivery_notice', 'ready',
                                       'reminder', 'member_here')),
    guild_id INTEGER NOT NULL REFERENCES guilds,
    request_id TEXT REFERENCES requests,
    part INTEGER NOT NULL DEFAULT 0,
    to_member INTEGER NOT NULL CHECK (to_member IN (0, 1)),
    target_id INTEGER NOT NULL,
    -- Told apart in its own channel only, so that two alike by chance never undo a transaction.
    mark INTEGER NOT NULL CHECK (mark BETWEEN 1 AND 2147483647),
    copy INTEGER NOT NULL DEFAULT 0, -- how often it was put up anew
    state TEXT NOT NULL CHECK (state IN ('waiting', 'trying', 'posted', 'parked', 'skipped')),
    channel_id INTEGER,
    message_id INTEGER,
    wanted INTEGER NOT NULL DEFAULT 1,
    shown INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    parked_reason TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    CHECK (state <> 'posted' OR (channel_id IS NOT NULL AND message_id IS NOT NULL))
) STRICT;
INSERT INTO outbox (outbox_id, kind, guild_id, request_id, to_member, target_id, mark, copy, state,
                    channel_id, message_id, wanted, shown, tries, next_at, parked_reason, created_at)
    SELECT outbox_id, kind, guild_id, request_id, to_member, target_id, mark, copy, state,
           channel_id, message_id, wanted, shown, tries, next_at, parked_reason, created_at
    FROM outbox_before;
DROP TABLE outbox_before;
-- For the foreign key, which can't use the partial one.
CREATE INDEX outbox_of_request ON outbox (request_id);
CREATE UNIQUE INDEX one_message ON outbox (request_id, kind, part)
    WHERE request_id IS NOT NULL AND state <> 'skipped';
CREATE INDEX outbox_to_post ON outbox (target_id, outbox_id) WHERE state IN ('waiting', 'trying');
CREATE INDEX outbox_to_redraw ON outbox (next_at) WHERE state = 'posted' AND wanted > shown;
CREATE INDEX outbox_of_guilds ON outbox (kind, guild_id) WHERE request_id IS NULL;
CREATE INDEX outbox_parked ON outbox (guild_id) WHERE state = 'parked';
