//! Rows of Pixlee, in the shapes of the recordings of its client libraries.

use super::{CHILDREN_MAX, Kind, World, created_s, updated_s};
use crate::write::Writer;

const TITLES: [&str; 7] = [
    "Spring lookbook",
    "Café & Küche",
    "ครัวบ้านเรา",
    "Boots 👢",
    "“curly” and 'straight'",
    "𝒎𝒂𝒕𝒉 𝒃𝒐𝒍𝒅",
    "line one\nline two",
];
const SOURCES: [&str; 4] = ["instagram", "desktop", "tiktok", "twitter"];

/// Id of the first album; ids go up in steps of seven.
const ALBUM_FIRST: u64 = 7_100_100;
const ALBUM_STEP: u64 = 7;

pub(crate) fn album_id(index: u64) -> u64 {
    ALBUM_FIRST + index * ALBUM_STEP
}

/// Place of an album id among the albums.
pub(crate) fn album_index(id: &str) -> Option<u64> {
    let id: u64 = id.parse().ok()?;
    let steps = id.checked_sub(ALBUM_FIRST)?;
    steps
        .is_multiple_of(ALBUM_STEP)
        .then_some(steps / ALBUM_STEP)
}

/// Id of the first photo in an album; the row number is added.
pub(crate) const PHOTO_FIRST: u64 = 830_000;

pub(super) fn write(world: &World, kind: Kind, index: u64, out: &mut Writer<'_>) {
    let place = index as i64;
    out.open(b'{');
    match kind {
        Kind::Albums => album(index, out),
        Kind::AlbumPhotos | Kind::Media => photo(world, kind, index, out),
        Kind::Tags => {
            out.key("id")
                .int(place + 1)
                .key("name")
                .text(&format!("{} {index}", TITLES[index as usize % 7]));
            out.key("media_count")
                .int(place * 17)
                .key("created_at")
                .int(created_s(index) * 1000);
        }
        Kind::Categories => category(index, out),
        _ => statistic(index, out),
    }
    out.close(b'}');
}

fn album(index: u64, out: &mut Writer<'_>) {
    const TYPES: [&str; 3] = ["standard", "category", "product"];
    out.key("id").int(album_id(index) as i64);
    out.key("title").text(&format!(
        "{} {index}",
        TITLES[index as usize % TITLES.len()]
    ));
    out.key("album_type").plain(TYPES[index as usize % 3]);
    out.key("public_contribution").flag(index.is_multiple_of(2));
    out.key("moderation")
        .flag(true)
        .key("live_update")
        .flag(index.is_multiple_of(4));
    out.key("num_photos")
        .int(5)
        .key("num_inbox_photos")
        .int(index as i64 * 3);
    out.key("created_at").int(created_s(index) * 1000);
    out.key("updated_at").int(updated_s(index) * 1000);
    if index % 3 == 2 {
        product_of_album(index, out);
    }
    if index % 4 == 3 {
        out.key("labels")
            .open(b'[')
            .plain("new")
            .plain("été")
            .close(b']');
    }
}

fn product_of_album(index: u64, out: &mut Writer<'_>) {
    out.key("product")
        .open(b'{')
        .key("id")
        .int(51_000 + index as i64);
    out.key("sku")
        .plain(&format!("SKU-{index}"))
        .key("price")
        .raw("31.5");
    out.key("currency")
        .plain("EUR")
        .key("stock")
        .int(index as i64);
    out.key("variants").open(b'[');
    for size in ["S", "M"] {
        out.open(b'{')
            .key("sku")
            .plain(&format!("SKU-{index}-{size}"));
        out.key("stock").int(index as i64 % 2).close(b'}');
    }
    out.close(b']').close(b'}');
}

fn photo(world: &World, kind: Kind, index: u64, out: &mut Writer<'_>) {
    let bits = world.random(kind, index, 1);
    let place = index as i64;
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(index).as_bytes();
    out.key("id").int(500_000 + place);
    out.key("album_photo_id").int(PHOTO_FIRST as i64 + place);
    let album = if kind == Kind::Media {
        index % 60
    } else {
        index / CHILDREN_MAX % 60
    };
    out.key("album_id").int(album_id(album) as i64);
    out.key("photo_title")
        .text(TITLES[index as usize % TITLES.len()]);
    out.key("title").text(TITLES[index as usize % TITLES.len()]);
    coordinates(bits, out);
    out.key("email_address");
    if bits & 1 == 0 {
        out.parts(&[b"user", digits, b"@example.org"]);
    } else {
        out.null();
    }
    out.key("user_name")
        .plain("mira")
        .key("connected_user_id")
        .int(76_000_000 + place);
    out.key("source").plain(SOURCES[bits as usize % 4]);
    out.key("content_type")
        .plain(if bits & 12 == 0 { "video" } else { "image" });
    for (name, part) in [
        ("medium_url", b"m"),
        ("big_url", b"b"),
        ("thumbnail_url", b"t"),
    ] {
        out.key(name)
            .parts(&[b"https://img.example.org/", part, b"/", digits, b".jpg"]);
    }
    times(index, out);
    for (name, factor) in [
        ("instagram_followers", 113),
        ("twitter_followers", 0),
        ("like_count", 1),
        ("native_likes", 3),
    ] {
        out.key(name).int(place % 10_000 * factor);
    }
    for (bit, name) in [
        "is_starred",
        "approved",
        "archived",
        "is_flagged",
        "has_permission",
    ]
    .iter()
    .enumerate()
    {
        out.key(name).flag(bits >> (bit + 8) & 1 == 0);
    }
    photo_lists(bits, index, out);
}

fn coordinates(bits: u64, out: &mut Writer<'_>) {
    for (name, value) in [("latitude", "47.0707"), ("longitude", "15.4395")] {
        out.key(name)
            .raw(if bits & 48 == 0 { value } else { "null" });
    }
}

fn times(index: u64, out: &mut Writer<'_>) {
    let created = created_s(index) * 1000;
    out.key("tagged_at")
        .int(created)
        .key("created_at")
        .int(created + 300_000);
    out.key("approved_on_date").int(created + 360_000);
    out.key("updated_at").int(updated_s(index) * 1000);
}

fn photo_lists(bits: u64, index: u64, out: &mut Writer<'_>) {
    out.key("tag_album_ids").open(b'[');
    for place in 0..bits >> 20 & 3 {
        out.int(album_id(place) as i64);
    }
    out.close(b']').key("mentions").open(b'[');
    if bits & 64 == 0 {
        out.plain("@mira");
    }
    out.close(b']').key("uploader_additional_fields").open(b'{');
    if bits & 128 == 0 {
        out.key("Shirt Size").plain("M");
    }
    out.close(b'}').key("products");
    if index.is_multiple_of(3) {
        out.open(b'[');
        product(index, out);
        out.close(b']');
    } else {
        out.null();
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(index).as_bytes();
    out.key("pixlee_cdn_photos").open(b'{');
    for (name, part) in [
        ("small_url", b"s"),
        ("medium_url", b"m"),
        ("large_url", b"l"),
    ] {
        out.key(name)
            .parts(&[b"https://cdn.example.org/", digits, b"/", part, b".jpg"]);
    }
    out.close(b'}');
}

fn product(index: u64, out: &mut Writer<'_>) {
    let place = index as i64;
    out.open(b'{').key("id").int(61_000 + place % 500);
    out.key("product_album_photo_id")
        .int(PHOTO_FIRST as i64 + place);
    out.key("link")
        .plain("https://shop.example.org/p/0")
        .key("title")
        .text("Product – ½ price");
    out.key("sku")
        .plain(&format!("77{}", index % 500))
        .key("price")
        .raw("12.5");
    out.key("currency")
        .plain("EUR")
        .key("category")
        .open(b'[')
        .int(301)
        .int(302)
        .close(b']');
    out.key("reviews_info")
        .open(b'{')
        .key("num_reviews")
        .int(1)
        .key("average_rating")
        .raw("4.5");
    out.key("reviews")
        .open(b'[')
        .open(b'{')
        .key("id")
        .int(place)
        .key("title")
        .text("très bien");
    out.key("score")
        .int(5)
        .close(b'}')
        .close(b']')
        .close(b'}')
        .close(b'}');
}

fn category(index: u64, out: &mut Writer<'_>) {
    let place = index as i64;
    out.key("id")
        .int(300 + place)
        .key("name")
        .plain(&format!("Category {index}"));
    out.key("slug")
        .plain(&format!("category-{index}"))
        .key("parent_id");
    if index % 4 == 3 {
        out.int(300);
    } else {
        out.null();
    }
    out.key("position").int(place).key("albums").open(b'[');
    if index % 2 == 1 {
        out.open(b'{').key("id").int(album_id(index) as i64);
        out.key("title")
            .text(TITLES[index as usize % TITLES.len()])
            .close(b'}');
    }
    out.close(b']');
}

fn statistic(index: u64, out: &mut Writer<'_>) {
    let place = index as i64;
    out.key("date")
        .plain(&format!("2025-03-{:02}", index % 31 + 1));
    out.key("album_id")
        .int(album_id(index % 3) as i64)
        .key("views")
        .int(place * 100);
    out.key("clicks")
        .int(place * 3)
        .key("conversion_rate")
        .raw(&format!("0.{:02}", index % 100));
    out.key("by_device").open(b'[');
    for device in ["mobile", "desktop"].iter().take(index as usize % 3) {
        out.open(b'{')
            .key("device")
            .plain(device)
            .key("views")
            .int(place)
            .close(b'}');
    }
    out.close(b']');
}
