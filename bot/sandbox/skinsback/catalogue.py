"""What the stand-in sells: names, prices and stock that look like the real ones.

Everything follows from a seed and from the name alone, so two runs, and two sizes, agree about the
price of a name. The items of ``WELL_KNOWN`` are always there, at the prices that the demo tells.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Final

from bot.domain.market import APP_IDS, Listing
from bot.domain.money import Micros, from_decimal
from bot.domain.phases import without_phase

FIRST_LISTING_ID: Final = 62_000_000
IDS_PER_ITEM: Final = 1_000
"""Room for the listings of one item, so that an id tells its item."""

_STOCK_MAX: Final = 40
_MILL: Final = Micros(1_000)  # cheap items are priced in tenths of a cent
_CENT: Final = Micros(10_000)
_CHEAPEST: Final = Micros(30_000)


def _split(names: str) -> tuple[str, ...]:
    return tuple(names.split("|"))


WELL_KNOWN: Final = (
    ("cs2", "AK-47 | Redline (Field-Tested)", "12.40"),
    ("cs2", "AK-47 | Slate (Field-Tested)", "4.15"),
    ("cs2", "AWP | Asiimov (Field-Tested)", "71.20"),
    ("cs2", "M4A1-S | Printstream (Minimal Wear)", "148.75"),
    ("cs2", "M4A4 | Neo-Noir (Field-Tested)", "21.30"),
    ("cs2", "USP-S | Kill Confirmed (Minimal Wear)", "38.60"),
    ("cs2", "Glock-18 | Water Elemental (Field-Tested)", "6.85"),
    ("cs2", "Desert Eagle | Blaze (Factory New)", "512.00"),
    ("cs2", "P250 | Sand Dune (Field-Tested)", "0.034"),
    ("cs2", "'The Doctor' Romanov | Sabre", "8.03"),
    ("cs2", "★ Butterfly Knife | Doppler (Factory New)", "1849.90"),
    ("cs2", "★ StatTrak™ Karambit | Fade (Factory New)", "2310.00"),
    ("cs2", "★ Sport Gloves | Vice (Field-Tested)", "684.50"),
    ("cs2", "StatTrak™ AK-47 | Redline (Field-Tested)", "31.05"),
    ("cs2", "Souvenir AWP | Desert Hydra (Field-Tested)", "420.00"),
    ("cs2", "Sticker | Crown (Foil)", "742.30"),
    ("cs2", "Sticker | Natus Vincere (Holo) | Stockholm 2021", "3.275"),
    ("cs2", "Kilowatt Case", "0.415"),
    ("cs2", "Music Kit | AWOLNATION, I Am", "5.62"),
    ("dota2", "Arcana of the Crimson Witness", "34.90"),
    ("dota2", "Inscribed Dragonclaw Hook", "612.40"),
    ("rust", "Tempered AK47", "41.75"),
    ("rust", "Big Grin", "189.99"),
)

_WEAPONS: Final = _split(
    "AK-47|M4A4|M4A1-S|AWP|Desert Eagle|USP-S|Glock-18|P250|Five-SeveN|Tec-9|CZ75-Auto|"
    "Dual Berettas|P2000|R8 Revolver|FAMAS|Galil AR|AUG|SG 553|SSG 08|SCAR-20|G3SG1|MP9|MAC-10|"
    "MP7|MP5-SD|UMP-45|P90|PP-Bizon|Nova|XM1014|MAG-7|Sawed-Off|M249|Negev|Zeus x27"
)
_FINISHES: Final = _split(
    "Redline|Asiimov|Printstream|Kill Confirmed|Water Elemental|Blaze|Slate|Neo-Noir|"
    "Hyper Beast|Vulcan|Bloodsport|Neon Rider|The Empress|Phantom Disruptor|Ice Coaled|"
    "Legion of Anubis|Nightwish|Leet Museo|Wasteland Rebel|Point Disarray|Frontside Misty|"
    "Cartel|Jaguar|Elite Build|Blue Laminate|Safari Mesh|Sand Dune|Forest DDPAT|Urban DDPAT|"
    "Boreal Forest|Night Stripe|Jungle Tiger|Case Hardened|Fire Serpent|Hydroponic|"
    "Emerald Pinstripe|First Class|Black Laminate|Uncharted|Rat Rod|Head Shot|Inheritance|"
    "Nouveau Rouge|Searing Rage|X-Ray|Gold Arabesque|Panthera onca|Green Laminate|"
    "Baroque Purple|Orbit Mk01|Steel Delta|Mecha Industries|Decimator|Chantico's Fire|"
    "Golden Coil|Cyrex|Guardian|Basilisk|Nitro|Boreal Haze|Control Panel|Fade|Marble Fade|"
    "Candy Apple|Amber Fade|Copper Oxide|Tornado|Red Quartz|Nuclear Threat|Crimson Web|Hunter|"
    "Pandora|Sunset Storm|Ocean Foam|Cobalt Disruption|Kumicho Dragon|Conspiracy|Naga|"
    "Bronze Deco|Midnight Storm|Directive|Trigger Discipline|Light Rail|Mudder|Pilot|"
    "Corinthian|Meteorite|Heirloom|Urban Rubble|Hypnotic"
)
_SOUVENIR_FINISHES: Final = (
    *("Desert Hydra", "Dragon Lore", "Gold Arabesque", "Welcome to the Jungle", "Knight"),
    *("Hydra", "Safari Mesh", "Sand Dune", "Forest DDPAT", "Urban DDPAT", "Case Hardened"),
    *("Fade", "Marble Fade", "Candy Apple", "Tornado", "Nuclear Threat", "Mudder", "Hunter"),
)
_WEARS: Final = {
    "Factory New": 1.8,
    "Minimal Wear": 1.25,
    "Field-Tested": 1.0,
    "Well-Worn": 0.92,
    "Battle-Scarred": 0.85,
}
_KNIVES: Final = _split(
    "Bayonet|M9 Bayonet|Karambit|Butterfly Knife|Flip Knife|Gut Knife|Falchion Knife|"
    "Huntsman Knife|Bowie Knife|Shadow Daggers|Navaja Knife|Stiletto Knife|Talon Knife|"
    "Ursus Knife|Paracord Knife|Survival Knife|Nomad Knife|Skeleton Knife|Classic Knife|"
    "Kukri Knife"
)
_KNIFE_FINISHES: Final = _split(
    "Doppler|Gamma Doppler|Fade|Marble Fade|Tiger Tooth|Slaughter|Case Hardened|Crimson Web|"
    "Blue Steel|Night|Lore|Autotronic|Damascus Steel|Ultraviolet|Rust Coat|Stained|Scorched|"
    "Boreal Forest|Forest DDPAT|Safari Mesh|Urban Masked|Freehand|Bright Water|Black Laminate"
)
_PHASE_OF: Final = dict(
    zip(_WEARS, ("Phase 1", "Phase 2", "Phase 3", "Phase 4", "Ruby"), strict=True)
)
"""A Doppler is hardly ever worn: where another finish has five wears, it has five phases."""

_GEMS: Final = ("Ruby", "Emerald")
_GLOVES: Final = _split(
    "Sport Gloves|Driver Gloves|Specialist Gloves|Moto Gloves|Hand Wraps|Hydra Gloves|"
    "Bloodhound Gloves|Broken Fang Gloves"
)
_GLOVE_FINISHES: Final = _split(
    "Vice|Pandora's Box|Hedge Maze|Superconductor|Crimson Kimono|Emerald Web|King Snake|"
    "Imperial Plaid|Snow Leopard|Black Tie|Fade|Cobalt Skulls|Slaughter|Badlands|Mangrove|Jade"
)
_TEAMS: Final = _split(
    "Natus Vincere|FaZe Clan|G2 Esports|Team Vitality|Astralis|Ninjas in Pyjamas|Team Liquid|"
    "Cloud9|ENCE|Heroic|MOUZ|FURIA|fnatic|Virtus.pro|Team Spirit|BIG|paiN Gaming|"
    "Complexity Gaming|Eternal Fire|Imperial Esports|Monte|GamerLegion|The MongolZ|Apeks"
)
_EVENTS: Final = _split(
    "Katowice 2019|Berlin 2019|2020 RMR|Stockholm 2021|Antwerp 2022|Rio 2022|Paris 2023|"
    "Copenhagen 2024|Shanghai 2024|Austin 2025"
)
_STICKERS: Final = _split(
    "Crown|Howling Dawn|Flammable|Headhunter|King on the Field|Winged Defuser|Swag|"
    "Bish Bash Smash|Life's a Glitch|This Is Fine|Cyberpunk Cat|Unicorn|Boris|Let's Roll-oll|"
    "Runtime|Sneaky Beaky Like|Blue Gem|Chicken Whisperer|Team Roles Capper|Hello AK-47"
)
_CASES: Final = _split(
    "Kilowatt|Revolution|Recoil|Dreams & Nightmares|Snakebite|Fracture|Prisma|Prisma 2|"
    "Danger Zone|Horizon|Clutch|Spectrum|Spectrum 2|Glove|Gamma|Gamma 2|Chroma|Chroma 2|"
    "Chroma 3|Falchion|Shadow|Revolver|Operation Wildfire|Operation Breakout Weapon|"
    "Operation Broken Fang|CS20|Shattered Web|Operation Riptide|Fever|Gallery"
)
_GRAFFITI: Final = _split(
    "Recoil AK-47|Rage Mode|Eye Spy|GGWP|Tombstone|Heart|Piggles|Smooch|Chess King|"
    "Rising Skull|Lambda|Popdog|Sorry|Quickdraw|Still Happy|Karambit|Worry|Puke|Backstab|"
    "Chicken Strike"
)
_COLOURS: Final = _split(
    "Shark White|War Pig Pink|Tracer Yellow|Battle Green|SWAT Blue|Blood Red|Monster Purple|"
    "Tiger Orange|Wire Blue|Cash Green|Desert Amber|Dust Brown|Frog Green|Jungle Green|"
    "Bazooka Pink|Brick Red|Monarch Blue|Princess Pink|Violent Violet"
)
_DOTA_QUALITIES: Final = ("", "Inscribed ", "Genuine ", "Exalted ", "Autographed ", "Frozen ")
_DOTA_ITEMS: Final = _split(
    "Dragonclaw Hook|Golden Baby Roshan|Unusual Stumpy|Manifold Paradox|Blades of Voth Domosh|"
    "Demon Eater|Fiery Soul of the Slayer|Bladeform Legacy|Tempest Helm of the Thundergod|"
    "Feast of Abscession|Great Sage's Reckoning|Frost Avalanche|Swine of the Sunken Galley|"
    "Rotten Stache|Staff of Perplex|Fractal Horns of Inner Abysm|Shards of Exile|Pipe of Dezun|"
    "Scythe of Vyse Replica|Timebreaker|Sullen Harvest|Weather Ash|Mace of Aeons|"
    "Cloak of the Fallen Princess|Ribbi'tar|Golden Gravelmaw|Treasure of the Molten Steel|"
    "Emblem of the Crystal Echelon|Jewel of the Forest|Lockless Luckvase|Shattered Greatsword|"
    "Bindings of Deep Magma|Iceforged Set|Lucent Canopy|Wings of Imperium|"
    "Gloried Horn of Druud|Bow of the Howling Wind|Vestments of the Ashen Pilgrim|"
    "Crown of Hells|Silent Wake"
)
_DOTA_MAKERS: Final = _split(
    "Abyssal|Arcane|Ashen|Baleful|Blazing|Blighted|Celestial|Cinder|Coral|Crimson|Dire|Dread|"
    "Elder|Eternal|Fallen|Feral|Forsaken|Frozen|Gilded|Glacial|Hallowed|Hidden|Hollow|Infernal|"
    "Jade|Luminous|Molten|Nether|Obsidian|Primal|Radiant|Royal|Sacred|Savage|Silent|Spectral|"
    "Stoneborn|Tidal|Umbral|Verdant"
)
_DOTA_WEARABLES: Final = _split(
    "Armor|Axe|Bands|Belt|Blade|Bow|Bracers|Cape|Claws|Crown|Dagger|Drapes|Fangs|Gauntlets|Guise|"
    "Hammer|Helm|Hood|Horns|Mantle|Mask|Pauldrons|Quiver|Scythe|Shield|Shroud|Spear|Staff|Tail|"
    "Wings"
)
_DOTA_HEROES: Final = _split(
    "the Axe|the Bane|the Clockwerk|the Drow|the Enchantress|the Furion|the Gyrocopter|the Huskar|"
    "the Invoker|the Juggernaut|the Kunkka|the Lich|the Magnus|the Necrophos|the Oracle|the Puck|"
    "the Riki|the Sniper|the Tinker|the Ursa|the Viper|the Windranger"
)
_RUST_THEMES: Final = _split(
    "Tempered|Alien Red|Glory|Blackout|Punishment Mask|Neon Nights|Forest Raiders|Azul|"
    "Whiteout|Doodle|Cold Hunter|Training|Bombing|Phantom|Rusty Relic|Dragon Lore|Lunar Fox|"
    "Frostbite"
)
_RUST_THINGS: Final = _split(
    "AK47|LR300|MP5|Thompson|SAR|Metal Facemask|Metal Chest Plate|Hoodie|Pants|Roadsign Gloves|"
    "Rug|Sheet Metal Door|Garage Door|Sleeping Bag|Large Wood Box|Furnace|Bandana|"
    "Burlap Trousers"
)

_RUST_STYLES: Final = _split(
    "Arctic|Battle|Black Gold|Bloody|Camo|Carbon|Chrome|Cyber|Desert|Digital|Dragon|Electric|"
    "Fire|Forest|Frozen|Galaxy|Ghost|Gold|Graffiti|Horror|Industrial|Jungle|Lava|Looter's|Military|"
    "Neon|Night|No Mercy|Ocean|Outback|Pixel|Plague|Predator|Pumpkin|Rainbow|Raider|Retro|Royal|"
    "Rust Academy|Salvaged|Samurai|Skeleton|Skull|Snow|Space|Steampunk|Storm|Survivor|Tiger|Toxic|"
    "Tribal|Urban|Valkyrie|Viking|Volcanic|Wasteland|Western|Winter|Wolf|Zombie"
)
_RUST_MORE: Final = _split(
    "Assault Rifle|Bolt Rifle|Bone Club|Boots|Box|Chair|Coffee Can Helmet|Combat Knife|Crossbow|"
    "Custom SMG|Double Door|Double Shotgun|Hatchet|Hide Poncho|Hide Vest|Hunting Bow|Jacket|"
    "Jackhammer|L96|Leather Gloves|Locker|M249|Miner Hat|MP5A4|Pickaxe|Pump Shotgun|Python|"
    "Reactive Target|Revolver|Roadsign Kilt|Roadsign Vest|Rock|Rocket Launcher|Rug Bear|"
    "Salvaged Icepick|Salvaged Sword|Satchel Charge|Semi Pistol|Sheet Door|Snow Jacket|Spas|"
    "Stone Hatchet|Sword|T-Shirt|Tank Top|Vending Machine|Water Purifier|Waterpipe|"
    "Wood Door|Wood Double Door"
)

# The logarithm of a typical price: widely spread for what is common, narrowly for what is rare.
_SPREAD: Final = {"case": 0.0, "graffiti": -1.6, "sticker": -0.2, "weapon": 1.2, "other": 0.4}
_STEADY: Final = {"knife": 5.3, "glove": 5.0}


@dataclass(slots=True)
class Item:
    """One name: the price of its cheapest listing, and its listings once somebody asked."""

    game: str
    name: str
    class_id: str
    price: Micros
    count: int
    first_id: int
    listings: dict[int, Micros] | None = None
    fresh_id: int = 0
    """The first number that was never given out, once something was restocked."""

    @property
    def app_id(self) -> int:
        """Steam's id of the game."""
        return APP_IDS[self.game]

    def open_listings(self) -> dict[int, Micros]:
        """Return what is for sale by listing id; each next one is a little dearer."""
        if self.listings is None:
            self.listings = {self.first_id + n: _dearer(self.price, n) for n in range(self.count)}
        return self.listings

    def restock(self) -> None:
        """Offer as many as at first, at the first prices; what is gone is replaced, not put back.

        A number that was sold once is never for sale again.
        """
        if self.listings is None:
            return
        first = max(self.fresh_id, self.first_id + self.count)
        self.fresh_id = first + self.count - len(self.listings)
        ids = (*sorted(self.listings), *range(first, self.fresh_id))
        self.listings = {listing_id: _dearer(self.price, n) for n, listing_id in enumerate(ids)}

    def as_listings(self) -> list[Listing]:
        """Return what is for sale, cheapest first."""
        pairs = sorted(self.open_listings().items(), key=lambda pair: (pair[1], pair[0]))
        return [Listing(listing_id, self.name, price, self.class_id) for listing_id, price in pairs]


def build_catalogue(seed: int, size: int, more: Mapping[str, int] | None = None) -> list[Item]:
    """Return ``size`` names of cs2 and some hundreds of dota2 and rust, always the same ones.

    ``more``: at least so many of the other games, as far as names can be made.
    """
    rows: dict[tuple[str, str], Micros] = {
        (game, name): from_decimal(Decimal(price)) for game, name, price in WELL_KNOWN
    }
    wanted = size - sum(game == "cs2" for game, _ in rows)
    names = [pair for pair in _cs2_names() if ("cs2", pair[0]) not in rows] if wanted > 0 else []
    wanted = max(0, min(wanted, len(names)))
    for plain, kind in sorted(random.Random(seed).sample(names, wanted)):
        name = _phased(plain, rows)
        rows["cs2", name] = _price(seed, name, kind)
    others = {"dota2": (_dota_names, _more_dota_names), "rust": (_rust_names, _more_rust_names)}
    for game, (few, many) in others.items():
        for name in few():
            rows.setdefault((game, name), _price(seed, name, "other"))
        missing = (more or {}).get(game, 0) - sum(known == game for known, _ in rows)
        new = [name for name in many() if (game, name) not in rows] if missing > 0 else []
        for name in random.Random(seed).sample(new, max(0, min(missing, len(new)))):
            rows[game, name] = _price(seed, name, "other")
    return [
        _item(seed, game, name, price, index)
        for index, ((game, name), price) in enumerate(rows.items())
    ]


def _phased(name: str, known: Mapping[tuple[str, str], Micros]) -> str:
    """Return the name with a phase, if it is that of a Doppler; one half has it in the middle."""
    finish, _, rest = name.partition(" (")
    if not finish.endswith("Doppler") or ("cs2", f"{finish} (Factory New)") in known:
        return name
    phase = _PHASE_OF[rest.rstrip(")")]
    if not finish.endswith("Gamma Doppler"):
        return f"{finish} (Factory New) - {phase}"
    return f"{finish} {phase.replace('Ruby', 'Emerald')} (Factory New)"


def _item(seed: int, game: str, name: str, price: Micros, index: int) -> Item:
    draw = random.Random(f"{seed}/stock/{name}")
    count = max(8, draw.randrange(_STOCK_MAX)) if index < len(WELL_KNOWN) else draw.randrange(1, 20)
    class_id = str(300_000_000 + draw.randrange(6_000_000_000))
    return Item(game, name, class_id, price, count, FIRST_LISTING_ID + index * IDS_PER_ITEM)


def _dearer(price: Micros, place: int) -> Micros:
    step = max(_MILL, price // 250) // _MILL * _MILL
    return Micros(price + step * place)


def _price(seed: int, name: str, kind: str) -> Micros:
    """Return a price: one draw for the family of a name, then its wear and its extras."""
    base, _, rest = (without_phase(name) or name).partition(" (")
    family = random.Random(f"{seed}/{base.removeprefix('StatTrak™ ').removeprefix('Souvenir ')}")
    dollars = (
        family.lognormvariate(_STEADY[kind], 0.7)
        if kind in _STEADY
        else family.lognormvariate(_SPREAD[kind], 1.3)
    )
    dollars *= _WEARS.get(rest.rstrip(")"), 1.0)
    dollars *= 2.4 if "StatTrak™" in name else 1.5 if name.startswith("Souvenir") else 1.0
    dollars *= 4.0 if any(gem in name for gem in _GEMS) and without_phase(name) else 1.0
    dollars *= random.Random(f"{seed}/{name}").uniform(0.95, 1.05)
    # A float is fine for inventing a price; from here on it is an exact count.
    unit = _MILL if dollars < 5 else _CENT
    return Micros(max(_CHEAPEST, round(dollars * 1_000_000 / unit) * unit))


def _cs2_names() -> Iterator[tuple[str, str]]:
    """Yield every name of cs2 that can be made, with its kind."""
    for weapon, finish, wear in product(_WEAPONS, _FINISHES, _WEARS):
        yield f"{weapon} | {finish} ({wear})", "weapon"
        yield f"StatTrak™ {weapon} | {finish} ({wear})", "weapon"
    for weapon, finish, wear in product(_WEAPONS, _SOUVENIR_FINISHES, _WEARS):
        yield f"Souvenir {weapon} | {finish} ({wear})", "weapon"
    for knife, finish, wear in product(_KNIVES, _KNIFE_FINISHES, _WEARS):
        yield f"★ {knife} | {finish} ({wear})", "knife"
        yield f"★ StatTrak™ {knife} | {finish} ({wear})", "knife"
    for gloves, finish, wear in product(_GLOVES, _GLOVE_FINISHES, _WEARS):
        yield f"★ {gloves} | {finish} ({wear})", "glove"
    for team, event, quality in product(_TEAMS, _EVENTS, ("", " (Foil)", " (Holo)", " (Gold)")):
        yield f"Sticker | {team}{quality} | {event}", "sticker"
    for sticker, quality in product(_STICKERS, ("", " (Foil)", " (Holo)")):
        yield f"Sticker | {sticker}{quality}", "sticker"
    for motif, colour in product(_GRAFFITI, _COLOURS):
        yield f"Sealed Graffiti | {motif} ({colour})", "graffiti"
    yield from _plain(f"{case} Case" for case in _CASES)


def _plain(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        yield name, "case"


def _dota_names() -> Iterator[str]:
    for quality, item in product(_DOTA_QUALITIES, _DOTA_ITEMS):
        yield f"{quality}{item}"


def _rust_names() -> Iterator[str]:
    for theme, thing in product(_RUST_THEMES, _RUST_THINGS):
        yield f"{theme} {thing}"


def _more_dota_names() -> Iterator[str]:
    for maker, thing, hero in product(_DOTA_MAKERS, _DOTA_WEARABLES, _DOTA_HEROES):
        yield f"{maker} {thing} of {hero}"


def _more_rust_names() -> Iterator[str]:
    for style, thing, ending in product(_RUST_STYLES, _RUST_MORE, ("", " Mk II")):
        yield f"{style} {thing}{ending}"
