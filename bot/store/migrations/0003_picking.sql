-- Picking skins: which games a server offers, and what its members look for, paste and ask for.

-- The games that can be asked for, with commas between.
ALTER TABLE guilds ADD COLUMN games TEXT NOT NULL DEFAULT 'cs2' CHECK (games <> '');

-- What the price list said when a skin was picked: its own median price of the two weeks before,
-- and how many were for sale. Unknown for what was picked before this was kept.
ALTER TABLE picks ADD COLUMN usual INTEGER CHECK (usual > 0);
ALTER TABLE picks ADD COLUMN stock INTEGER CHECK (stock >= 0);
ALTER TABLE lines ADD COLUMN usual INTEGER CHECK (usual > 0);
ALTER TABLE lines ADD COLUMN stock INTEGER CHECK (stock >= 0);

-- What a member looked for from their basket: its screens are paged through after a restart too.
CREATE TABLE searches (
    search_id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL REFERENCES requests,
    typed TEXT NOT NULL,
    quantity INTEGER NOT NULL DEFAULT 1 CHECK (quantity BETWEEN 1 AND 25),
    ceiling INTEGER CHECK (ceiling > 0 AND ceiling % 10000 = 0),
    game TEXT NOT NULL DEFAULT '', -- only this one
    price_min INTEGER CHECK (price_min >= 0),
    price_max INTEGER CHECK (price_max >= 0),
    wear TEXT NOT NULL DEFAULT '',
    stattrak INTEGER CHECK (stattrak IN (0, 1)), -- only with it, or only without
    in_stock INTEGER NOT NULL DEFAULT 0 CHECK (in_stock IN (0, 1)),
    browsing INTEGER NOT NULL DEFAULT 0 CHECK (browsing IN (0, 1)), -- by /skins
    one_skin INTEGER NOT NULL DEFAULT 0 CHECK (one_skin IN (0, 1)), -- this one is looked at
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX searches_of_basket ON searches (request_id, search_id);

-- The lines of pasted lists that could not be put into a member's basket, as they were typed. They
-- outlive the basket: what had no room in one request goes into the next. ``form``: the one that was
-- sent last, because people send a form again that seems to hang.
CREATE TABLE pastes (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    rest TEXT NOT NULL,
    form TEXT NOT NULL,
    PRIMARY KEY (guild_id, user_id)
) STRICT, WITHOUT ROWID;

-- What was asked for, by member and by server, for those who haven't typed anything yet.
CREATE TABLE recent_skins (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    game TEXT NOT NULL,
    market_hash_name TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, user_id, game, market_hash_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX recent_skins_of_member ON recent_skins (guild_id, user_id, asked_at);
CREATE TABLE wanted_skins (
    guild_id INTEGER NOT NULL,
    game TEXT NOT NULL,
    market_hash_name TEXT NOT NULL,
    times INTEGER NOT NULL CHECK (times > 0),
    PRIMARY KEY (guild_id, game, market_hash_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX wanted_skins_of_guild ON wanted_skins (guild_id, times);

INSERT INTO recent_skins
    SELECT guild_id, user_id, game, market_hash_name, max(submitted_at)
    FROM requests JOIN lines USING (request_id) WHERE submitted_at IS NOT NULL
    GROUP BY guild_id, user_id, game, market_hash_name;
INSERT INTO wanted_skins
    SELECT guild_id, game, market_hash_name, count(*)
    FROM requests JOIN lines USING (request_id) WHERE submitted_at IS NOT NULL
    GROUP BY guild_id, game, market_hash_name;
