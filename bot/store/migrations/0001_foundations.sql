-- Times are unix milliseconds, money is millionths of a US dollar, ids are Discord's.

PRAGMA application_id = 0x514D5452;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE guilds (
    guild_id INTEGER PRIMARY KEY,
    approver_role_id INTEGER,
    approval_channel_id INTEGER,
    results_channel_id INTEGER,
    tolerance_bp INTEGER NOT NULL DEFAULT 500 CHECK (tolerance_bp BETWEEN 0 AND 5000),
    lines_max INTEGER NOT NULL DEFAULT 10 CHECK (lines_max BETWEEN 1 AND 25),
    open_requests_max INTEGER NOT NULL DEFAULT 1 CHECK (open_requests_max BETWEEN 1 AND 10),
    undo_s INTEGER NOT NULL DEFAULT 10 CHECK (undo_s BETWEEN 0 AND 600),
    last_number INTEGER NOT NULL DEFAULT 0 CHECK (last_number >= 0)
) STRICT;

CREATE TABLE asker_roles (
    guild_id INTEGER NOT NULL REFERENCES guilds,
    role_id INTEGER NOT NULL,
    PRIMARY KEY (guild_id, role_id)
) STRICT, WITHOUT ROWID;

-- Moderators who pressed the test card of the role and channel that are in force.
CREATE TABLE confirmations (
    guild_id INTEGER NOT NULL REFERENCES guilds,
    user_id INTEGER NOT NULL,
    confirmed_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, user_id)
) STRICT, WITHOUT ROWID;

-- A person has one Trade URL that is theirs and perhaps one that waits for "yes, that is me".
CREATE TABLE trade_urls (
    user_id INTEGER NOT NULL,
    confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    candidate_id TEXT NOT NULL UNIQUE,
    partner INTEGER NOT NULL CHECK (partner BETWEEN 1 AND 4294967295),
    sealed_token BLOB NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, confirmed)
) STRICT, WITHOUT ROWID;

-- Every Steam account that a person has ever confirmed as theirs, also after they forgot its Trade
-- URL: nobody decides on a request to their own account. The number alone, never a token.
CREATE TABLE steam_accounts (
    user_id INTEGER NOT NULL,
    partner INTEGER NOT NULL CHECK (partner BETWEEN 1 AND 4294967295),
    confirmed_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, partner)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    request_id TEXT PRIMARY KEY CHECK (length(request_id) = 20),
    guild_id INTEGER NOT NULL REFERENCES guilds,
    number INTEGER,
    user_id INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'pending', 'approved', 'buying', 'bought',
                                         'closed', 'denied', 'cancelled', 'expired')),
    revision INTEGER NOT NULL DEFAULT 1,
    version INTEGER NOT NULL DEFAULT 1,
    digest TEXT,
    note TEXT NOT NULL DEFAULT '',
    partner INTEGER CHECK (partner BETWEEN 1 AND 4294967295),
    sealed_token BLOB,
    created_at INTEGER NOT NULL,
    submitted_at INTEGER,
    decided_at INTEGER,
    decided_by INTEGER,
    decision_reason TEXT NOT NULL DEFAULT '',
    claimable_at INTEGER, -- not before: the undo time, or the next try of what it waits for
    expires_at INTEGER,
    waits_for TEXT,
    step_at INTEGER, -- in buying: when its next step is due; none while it is on the wire
    grace_from INTEGER, -- since when the grace period of its unknown lines counts
    look_ups INTEGER NOT NULL DEFAULT 0 CHECK (look_ups >= 0), -- passes since then
    history_at INTEGER, -- when the market's history was read without any of its unknown keys
    attention_at INTEGER, -- since when a person has to look at it
    dm_closed INTEGER NOT NULL DEFAULT 0 CHECK (dm_closed IN (0, 1)),
    changed_at INTEGER NOT NULL,
    UNIQUE (guild_id, number),
    CHECK (state = 'draft' OR (number IS NOT NULL AND digest IS NOT NULL AND partner IS NOT NULL
                               AND submitted_at IS NOT NULL)),
    CHECK (state NOT IN ('approved', 'buying')
           OR (decided_by IS NOT NULL AND sealed_token IS NOT NULL AND claimable_at IS NOT NULL)),
    CHECK (state NOT IN ('closed', 'denied', 'cancelled', 'expired') OR sealed_token IS NULL)
) STRICT;

CREATE UNIQUE INDEX one_draft ON requests (guild_id, user_id) WHERE state = 'draft';
CREATE INDEX requests_of_member ON requests (user_id, guild_id, number);
CREATE INDEX requests_open ON requests (user_id, guild_id, number)
    WHERE state IN ('pending', 'approved', 'buying');
CREATE INDEX requests_to_claim ON requests (claimable_at) WHERE state = 'approved';
CREATE INDEX requests_in_buying ON requests (step_at) WHERE state = 'buying';
CREATE INDEX requests_to_try_again ON requests (expires_at)
    WHERE state = 'bought' AND expires_at IS NOT NULL;
CREATE INDEX requests_to_expire ON requests (expires_at) WHERE state IN ('pending', 'approved');

CREATE TABLE picks (
    pick_id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL REFERENCES requests,
    game TEXT NOT NULL,
    market_hash_name TEXT NOT NULL,
    listing_id INTEGER,
    quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 25),
    quote INTEGER NOT NULL CHECK (quote >= 0),
    ceiling INTEGER NOT NULL CHECK (ceiling > 0 AND ceiling % 10000 = 0),
    class_id TEXT NOT NULL DEFAULT '',
    UNIQUE (request_id, listing_id),
    CHECK (listing_id IS NULL OR quantity = 1)
) STRICT;

CREATE INDEX picks_of_request ON picks (request_id, pick_id);

CREATE TABLE lines (
    request_id TEXT NOT NULL REFERENCES requests,
    line_no INTEGER NOT NULL CHECK (line_no BETWEEN 1 AND 99),
    game TEXT NOT NULL,
    market_hash_name TEXT NOT NULL,
    listing_id INTEGER,
    quote INTEGER NOT NULL CHECK (quote >= 0),
    ceiling INTEGER NOT NULL CHECK (ceiling > 0 AND ceiling % 10000 = 0),
    class_id TEXT NOT NULL DEFAULT '',
    round INTEGER NOT NULL DEFAULT 0 CHECK (round BETWEEN 0 AND 9), -- how often tried again
    no_listing TEXT CHECK (no_listing IN ('sold_out', 'price_rose', 'listing_gone', 'too_late',
                                          'approval_lost')),
    cheapest_seen INTEGER,
    PRIMARY KEY (request_id, line_no)
) STRICT, WITHOUT ROWID;

-- One row for each purchase key. `sent` is committed before a socket is opened: may have left.
CREATE TABLE attempts (
    purchase_key TEXT PRIMARY KEY CHECK (length(purchase_key) = 26),
    request_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    attempt_no INTEGER NOT NULL CHECK (attempt_no BETWEEN 1 AND 99),
    state TEXT NOT NULL CHECK (state IN ('sent', 'purchased', 'refused', 'not_sent', 'unknown')),
    digest TEXT NOT NULL,
    market TEXT NOT NULL,
    project TEXT NOT NULL,
    listing_id INTEGER NOT NULL,
    max_price INTEGER NOT NULL CHECK (max_price > 0 AND max_price % 10000 = 0),
    steam_id INTEGER NOT NULL,
    round INTEGER NOT NULL DEFAULT 0, -- the line's when it was opened
    sends INTEGER NOT NULL DEFAULT 1 CHECK (sends IN (1, 2)), -- how often it may have left
    unsent INTEGER NOT NULL DEFAULT 0, -- sends that provably never left, since it was approved
    misses INTEGER NOT NULL DEFAULT 0, -- answered look-ups of this key alone that didn't find it
    sent_at INTEGER NOT NULL, -- the last send
    ended_at INTEGER,
    code INTEGER,
    message TEXT NOT NULL DEFAULT '',
    refused_whole INTEGER NOT NULL DEFAULT 0 CHECK (refused_whole IN (0, 1)),
    buy_id INTEGER UNIQUE,
    debited INTEGER,
    offer_status TEXT,
    -- Its definite end was seen and the next key may be used, whatever the market says later.
    released INTEGER NOT NULL DEFAULT 0 CHECK (released IN (0, 1)),
    settled_at INTEGER, -- by hand
    settled_by INTEGER,
    class_id TEXT NOT NULL DEFAULT '',
    alarms TEXT NOT NULL DEFAULT '', -- what must never happen and did, with commas between
    UNIQUE (request_id, line_no, attempt_no),
    FOREIGN KEY (request_id, line_no) REFERENCES lines (request_id, line_no),
    CHECK (state <> 'purchased' OR (buy_id IS NOT NULL AND debited IS NOT NULL)),
    CHECK (state <> 'refused' OR code IS NOT NULL OR settled_at IS NOT NULL),
    CHECK ((settled_at IS NULL) = (settled_by IS NULL)),
    CHECK (released = 0 OR state IN ('purchased', 'refused'))
) STRICT;

-- At most one purchase of a line is on the wire, open or alive.
CREATE UNIQUE INDEX one_live_attempt ON attempts (request_id, line_no)
    WHERE state IN ('sent', 'purchased', 'unknown') AND released = 0;
CREATE INDEX attempts_unknown ON attempts (request_id) WHERE state = 'unknown';
CREATE INDEX attempts_on_the_wire ON attempts (request_id) WHERE state = 'sent';
CREATE INDEX attempts_bought ON attempts (ended_at) WHERE state = 'purchased';
CREATE INDEX attempts_settled ON attempts (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX attempts_unsettled ON attempts (max_price) WHERE state IN ('sent', 'unknown');

-- Purchases that came under a key which is not ours: booked as they came, and raised.
CREATE TABLE strays (
    buy_id INTEGER PRIMARY KEY,
    request_id TEXT REFERENCES requests, -- none: under a key of ours that no request explains
    purchase_key TEXT,
    market_hash_name TEXT NOT NULL,
    steam_id INTEGER,
    debited INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

CREATE INDEX strays_of_request ON strays (request_id);

CREATE TABLE events (
    event_id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    request_id TEXT REFERENCES requests,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor_id INTEGER,
    details TEXT NOT NULL CHECK (json_valid(details))
) STRICT;

CREATE INDEX events_of_request ON events (request_id, event_id);
CREATE INDEX events_of_pauses ON events (at, guild_id) WHERE kind = 'paused';

-- Every message that must stand somewhere; the text is drawn from the database when it is sent.
CREATE TABLE outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('approval_card', 'member_status', 'result', 'test_card',
                                       'pause_notice')),
    guild_id INTEGER NOT NULL REFERENCES guilds,
    request_id TEXT REFERENCES requests,
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

-- For the foreign key, which can't use the partial one.
CREATE INDEX outbox_of_request ON outbox (request_id);
CREATE UNIQUE INDEX one_message ON outbox (request_id, kind)
    WHERE request_id IS NOT NULL AND state <> 'skipped';
CREATE INDEX outbox_to_post ON outbox (target_id, outbox_id) WHERE state IN ('waiting', 'trying');
CREATE INDEX outbox_to_redraw ON outbox (next_at) WHERE state = 'posted' AND wanted > shown;
CREATE INDEX outbox_of_guilds ON outbox (kind, guild_id) WHERE request_id IS NULL;
CREATE INDEX outbox_parked ON outbox (guild_id) WHERE state = 'parked';

-- Buying is paused for the whole deployment while there is a row.
CREATE TABLE pauses (
    cause TEXT PRIMARY KEY CHECK (cause IN ('market_refuses_us', 'alarm', 'unknowns', 'books',
                                            'new_database')),
    since INTEGER NOT NULL,
    code INTEGER,
    details TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- A server's own pause, by one of its administrators.
CREATE TABLE guild_pauses (
    guild_id INTEGER PRIMARY KEY REFERENCES guilds,
    since INTEGER NOT NULL,
    paused_by INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

-- Requests whose calls had no clear outcome, in a row: three of them pause buying.
CREATE TABLE unclear_calls (
    request_id TEXT PRIMARY KEY REFERENCES requests,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
