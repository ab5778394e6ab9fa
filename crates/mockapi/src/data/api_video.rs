//! Rows of api.video and of its admin API, in the shapes of its OpenAPI file.

use super::{CHILDREN_MAX, Kind, World, created_s, updated_s};
use crate::random::ID_LETTERS;
use crate::write::Writer;

/// Titles in many scripts, with everything that must be escaped.
const TITLES: [&str; 8] = [
    "Intro – première partie",
    "日本語の動画",
    "Onboarding \"v2\"",
    "Prüfung & Lösung",
    "вебинар №3",
    "Live @ 18:00",
    "back\\slash and\nline",
    "การสอน",
];
const TAGS: [&str; 5] = ["math", "été", "howto", "release notes", "内部"];
const LANGUAGES: [(&str, &str); 6] = [
    ("en", "English"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("pt-BR", "Português"),
    ("zh-Hans", "简体中文"),
    ("ar", "العربية"),
];
const COUNTRIES: [&str; 23] = [
    "FR", "DE", "AT", "TH", "JP", "BR", "US", "GB", "PL", "CZ", "IT", "ES", "PT", "NL", "BE", "CH",
    "SE", "NO", "FI", "DK", "IE", "GR", "HU",
];
const STATUSES: [&str; 5] = ["completed", "waiting", "missing", "failed", "unprocessable"];

pub(super) fn write(world: &World, kind: Kind, index: u64, out: &mut Writer<'_>) {
    out.open(b'{');
    match kind {
        Kind::Videos => video(world, kind, index, out),
        Kind::DiscardedVideos => video(world, kind, index, out),
        Kind::VideoStatus => video_status(index, out),
        Kind::LiveStreams => live_stream(world, index, out),
        Kind::Players => player(world, index, out),
        Kind::Summaries => summary(world, index, out),
        Kind::SummarySource => summary_source(index, out),
        Kind::Captions => caption(world, index, out),
        Kind::Chapters => chapter(world, index, out),
        Kind::UploadTokens => upload_token(world, index, out),
        Kind::Webhooks => webhook(world, index, out),
        Kind::Watermarks => {
            out.key("watermarkId")
                .parts(&[b"watermark_", &world.id(kind, index)]);
            out.key("createdAt").atom(created_s(index));
        }
        Kind::VideoTags => {
            out.key("value")
                .text(&format!("{} {index}", TAGS[index as usize % TAGS.len()]));
            out.key("videoCount").int(index as i64 * 3 + 1);
        }
        Kind::Buckets => {
            out.key("metricValue").int(100 - index as i64);
            out.key("dimensionValue")
                .plain(COUNTRIES[index as usize % COUNTRIES.len()]);
        }
        Kind::Timeseries => {
            out.key("emittedAt").atom(created_s(index * 86_400));
            out.key("metricValue")
                .raw(&format!("{:.1}", index as f64 * 3.5));
        }
        _ => admin(world, kind, index, out),
    }
    out.close(b'}');
}

fn video(world: &World, kind: Kind, index: u64, out: &mut Writer<'_>) {
    let id = &world.id(kind, index);
    let bits = world.random(kind, index, 1);
    let is_discarded = kind == Kind::DiscardedVideos;
    out.key("videoId").parts(&[b"vi", id]);
    out.key("title");
    title(index, out);
    out.key("description");
    if bits.is_multiple_of(11) {
        out.null();
    } else {
        out.parts(&[
            b"Description of video ",
            itoa::Buffer::new().format(index).as_bytes(),
            b"\\nwith a second line",
        ]);
    }
    out.key("public").flag(bits & 1 == 0);
    out.key("panoramic").flag(bits & 6 == 0);
    out.key("mp4Support").flag(bits & 8 == 0);
    video_lists(bits, index, out);
    out.key("createdAt").atom(created_s(index));
    out.key("publishedAt").atom(created_s(index));
    out.key("updatedAt").atom(updated_s(index));
    out.key("discarded").flag(is_discarded);
    out.key("discardedAt");
    moment(is_discarded, updated_s(index) + 60, out);
    out.key("deletesAt");
    moment(
        is_discarded && bits & 16 == 0,
        updated_s(index) + 7_776_000,
        out,
    );
    video_source(world, bits, index, id, out);
    video_assets(bits & 8 == 0, id, out);
    if bits & 32 == 0 {
        let player = bits % 7;
        out.key("playerId")
            .parts(&[b"pl", &world.id(Kind::Players, player)]);
    }
    if bits & 192 == 0 {
        out.key("language")
            .plain(LANGUAGES[(bits >> 9) as usize % LANGUAGES.len()].0);
        out.key("languageOrigin")
            .plain(if bits & 256 == 0 { "api" } else { "auto" });
    }
}

/// A title with the number of its row, so that titles sort and are found.
fn title(index: u64, out: &mut Writer<'_>) {
    out.text(TITLES[index as usize % TITLES.len()]);
    // The closing quote is taken back; a formatted text would cost an allocation for every row.
    out.out.pop();
    out.out.push(b' ');
    out.out
        .extend_from_slice(itoa::Buffer::new().format(index).as_bytes());
    out.out.push(b'"');
}

fn video_lists(bits: u64, index: u64, out: &mut Writer<'_>) {
    out.key("tags").open(b'[');
    for place in 0..bits % 3 {
        out.plain(TAGS[(index + place) as usize % TAGS.len()]);
    }
    out.close(b']');
    out.key("metadata").open(b'[');
    if bits & 512 == 0 {
        out.open(b'{')
            .key("key")
            .plain("author")
            .key("value")
            .plain("Åsa")
            .close(b'}');
    }
    if bits & 1024 == 0 {
        let level = itoa::Buffer::new().format(index % 10).to_owned();
        out.open(b'{')
            .key("key")
            .plain("level")
            .key("value")
            .plain(&level)
            .close(b'}');
    }
    out.close(b']');
}

fn video_source(world: &World, bits: u64, index: u64, id: &[u8], out: &mut Writer<'_>) {
    out.key("source").open(b'{');
    if bits & 14_336 == 0 {
        let stream = &world.id(Kind::LiveStreams, index % 30);
        out.key("uri").parts(&[b"/live-streams/li", stream]);
        out.key("type")
            .plain("liveStream")
            .key("liveStream")
            .open(b'{');
        out.key("liveStreamId").parts(&[b"li", stream]);
        out.key("links")
            .open(b'[')
            .open(b'{')
            .key("rel")
            .plain("self");
        out.key("uri").parts(&[b"/live-streams/li", stream]);
        out.close(b'}').close(b']').close(b'}');
    } else {
        out.key("uri").parts(&[b"/videos/vi", id, b"/source"]);
        out.key("type").plain("upload");
    }
    out.close(b'}');
}

fn video_assets(has_mp4: bool, id: &[u8; ID_LETTERS], out: &mut Writer<'_>) {
    const VOD: &[u8] = b"https://vod.example.org/vi";
    const EMBED: &[u8] = b"https://embed.example.org/vod/vi";
    out.key("assets").open(b'{');
    out.key("hls").parts(&[VOD, id, b"/hls/manifest.m3u8"]);
    out.key("iframe").parts(&[
        b"<iframe src=\\\"",
        EMBED,
        id,
        b"\\\" width=\\\"100%\\\" height=\\\"100%\\\" frameborder=\\\"0\\\" scrolling=\\\"no\\\" allowfullscreen=\\\"\\\"></iframe>",
    ]);
    out.key("player").parts(&[EMBED, id]);
    out.key("thumbnail").parts(&[VOD, id, b"/thumbnail.jpg"]);
    if has_mp4 {
        out.key("mp4").parts(&[VOD, id, b"/mp4/source.mp4"]);
    }
    out.close(b'}');
}

fn moment(is_set: bool, seconds: i64, out: &mut Writer<'_>) {
    if is_set {
        out.atom(seconds);
    } else {
        out.null();
    }
}

fn video_status(index: u64, out: &mut Writer<'_>) {
    const QUALITIES: [&str; 4] = ["240p", "360p", "720p", "1080p"];
    out.key("ingest").open(b'{').key("status").plain("ingested");
    out.key("filesize").int(1_000_000_007 * (index as i64 + 1));
    out.key("receivedBytes").open(b'[');
    for part in 0..index % 3 {
        let from = part as i64 * 1000;
        out.open(b'{')
            .key("from")
            .int(from)
            .key("to")
            .int(from + 999);
        out.key("total").int((index % 3) as i64 * 1000).close(b'}');
    }
    out.close(b']')
        .key("receivedParts")
        .open(b'{')
        .key("parts")
        .open(b'[');
    for part in 0..index % 2 {
        out.int(part as i64 + 1);
    }
    out.close(b']').key("total").null().close(b'}').close(b'}');
    out.key("encoding")
        .open(b'{')
        .key("playable")
        .flag(!index.is_multiple_of(4));
    out.key("qualities").open(b'[');
    for (place, quality) in QUALITIES.iter().enumerate().take(index as usize % 4 + 1) {
        out.open(b'{')
            .key("type")
            .plain("hls")
            .key("quality")
            .plain(quality);
        out.key("status")
            .plain(if place < 2 { "encoded" } else { "encoding" })
            .close(b'}');
    }
    out.close(b']').key("metadata").open(b'{');
    out.key("width").int(1280).key("height").int(720);
    out.key("bitrate").raw(&format!("{}.25", 400 + index % 100));
    out.key("duration")
        .int(60 + index as i64)
        .key("framerate")
        .int(24);
    out.key("samplerate")
        .int(48_000)
        .key("videoCodec")
        .plain("h264");
    out.key("audioCodec")
        .plain("aac")
        .key("aspectRatio")
        .plain("16/9");
    out.close(b'}').close(b'}');
}

fn live_stream(world: &World, index: u64, out: &mut Writer<'_>) {
    let id = &world.id(Kind::LiveStreams, index);
    out.key("liveStreamId").parts(&[b"li", id]);
    out.key("createdAt")
        .atom(created_s(index))
        .key("updatedAt")
        .atom(updated_s(index));
    out.key("streamKey").parts(&[b"stream-key-", id]);
    out.key("name").text(&format!("Keynote – 直播 {index}"));
    out.key("public")
        .flag(index.is_multiple_of(2))
        .key("broadcasting")
        .flag(index.is_multiple_of(3));
    out.key("restreams").open(b'[');
    for place in 0..index % 3 {
        out.open(b'{').key("name").text(&format!("Site ü {place}"));
        out.key("serverUrl").plain("rtmp://live.example.org/app");
        out.key("streamKey")
            .parts(&[b"restream-key-", id])
            .close(b'}');
    }
    out.close(b']').key("assets").open(b'{');
    out.key("hls")
        .parts(&[b"https://live.example.org/li", id, b".m3u8"]);
    out.key("iframe").plain("<iframe></iframe>");
    out.key("player")
        .parts(&[b"https://embed.example.org/live/li", id]);
    out.key("thumbnail")
        .parts(&[b"https://live.example.org/li", id, b"/thumbnail.jpg"]);
    out.close(b'}');
    if index.is_multiple_of(4) {
        out.key("playerId")
            .parts(&[b"pl", &world.id(Kind::Players, index % 7)]);
    }
}

fn player(world: &World, index: u64, out: &mut Writer<'_>) {
    const COLORS: [&str; 10] = [
        "text",
        "link",
        "linkHover",
        "linkActive",
        "trackPlayed",
        "trackUnplayed",
        "trackBackground",
        "backgroundTop",
        "backgroundBottom",
        "backgroundText",
    ];
    const FLAGS: [&str; 5] = [
        "enableApi",
        "enableControls",
        "forceAutoplay",
        "hideTitle",
        "forceLoop",
    ];
    out.key("playerId")
        .parts(&[b"pl", &world.id(Kind::Players, index)]);
    if index.is_multiple_of(2) {
        out.key("name").text(&format!("Player {index} \"ü\""));
    }
    out.key("createdAt")
        .atom(created_s(index))
        .key("updatedAt")
        .atom(updated_s(index));
    for (place, color) in COLORS.iter().enumerate() {
        out.key(color)
            .plain(&format!("rgba(255, {}, 0, .95)", place as u64 + index));
    }
    for (place, flag) in FLAGS.iter().enumerate() {
        out.key(flag).flag((index >> place) & 1 == 0);
    }
    if index.is_multiple_of(3) {
        out.key("assets")
            .open(b'{')
            .key("logo")
            .plain("https://cdn.example.org/logo.png");
        out.key("link")
            .plain("https://www.example.org/")
            .close(b'}');
    }
}

fn summary(world: &World, index: u64, out: &mut Writer<'_>) {
    out.key("summaryId")
        .parts(&[b"summary_", &world.id(Kind::Summaries, index)]);
    out.key("createdAt")
        .atom(created_s(index))
        .key("updatedAt")
        .atom(updated_s(index));
    out.key("videoId")
        .parts(&[b"vi", &world.id(Kind::Videos, index)]);
    out.key("origin").plain(if index.is_multiple_of(3) {
        "api"
    } else {
        "auto"
    });
    out.key("sourceStatus").plain(summary_status(index));
}

/// Status of the source of a summary; only completed ones have one.
pub(crate) fn summary_status(index: u64) -> &'static str {
    STATUSES[index as usize % STATUSES.len()]
}

fn summary_source(index: u64, out: &mut Writer<'_>) {
    out.key("abstract");
    if index.is_multiple_of(10) {
        out.null();
    } else {
        out.text(&format!("Abstract {index}: naïve approach"));
    }
    out.key("takeaways").open(b'[');
    for place in 0..index % 4 {
        out.text(&format!("{place}. 要点"));
    }
    out.close(b']');
}

/// Captions and chapters of a video: row numbers of its children.
pub(crate) fn child_range(world: &World, kind: Kind, video: u64) -> std::ops::Range<u64> {
    let first = video * CHILDREN_MAX;
    let count = match kind {
        Kind::Captions => world.random(kind, video, 2) % 4,
        Kind::Chapters => world.random(kind, video, 2) % 3,
        // Keys of a project: enough for two pages of the default size in some of them.
        _ => video % 4 * 8 + 1,
    };
    first..first + count
}

fn caption(world: &World, index: u64, out: &mut Writer<'_>) {
    let video = &world.id(Kind::Videos, index / CHILDREN_MAX);
    let (code, name) = LANGUAGES[index as usize % LANGUAGES.len()];
    out.key("uri")
        .parts(&[b"/videos/vi", video, b"/captions/", code.as_bytes()]);
    out.key("src").parts(&[
        b"https://vod.example.org/vi",
        video,
        b"/captions/",
        code.as_bytes(),
        b".vtt",
    ]);
    out.key("srclang")
        .plain(code)
        .key("languageName")
        .plain(name);
    out.key("default").flag(index.is_multiple_of(CHILDREN_MAX));
}

fn chapter(world: &World, index: u64, out: &mut Writer<'_>) {
    let video = &world.id(Kind::Videos, index / CHILDREN_MAX);
    let (code, _) = LANGUAGES[index as usize % LANGUAGES.len()];
    out.key("uri")
        .parts(&[b"/videos/vi", video, b"/chapters/", code.as_bytes()]);
    out.key("src").parts(&[
        b"https://vod.example.org/vi",
        video,
        b"/chapters/",
        code.as_bytes(),
        b".vtt",
    ]);
    out.key("language").plain(code);
}

fn upload_token(world: &World, index: u64, out: &mut Writer<'_>) {
    let ttl = index as i64 % 4 * 3600;
    out.key("token")
        .parts(&[b"to", &world.id(Kind::UploadTokens, index)]);
    out.key("ttl")
        .int(ttl)
        .key("createdAt")
        .atom(created_s(index));
    if ttl > 0 {
        out.key("expiresAt").atom(created_s(index) + ttl);
    }
}

fn webhook(world: &World, index: u64, out: &mut Writer<'_>) {
    let id = &world.id(Kind::Webhooks, index);
    out.key("webhookId").parts(&[b"webhook_", id]);
    out.key("createdAt")
        .atom(created_s(index))
        .key("events")
        .open(b'[');
    for event in [
        "video.encoding.quality.completed",
        "live-stream.broadcast.started",
    ]
    .iter()
    .take(index as usize % 3)
    {
        out.plain(event);
    }
    out.close(b']')
        .key("url")
        .plain(&format!("https://hooks.example.org/n?x={index}&y=%20"));
    out.key("signatureSecret").parts(&[b"sig_sec_", id]);
}

fn admin(world: &World, kind: Kind, index: u64, out: &mut Writer<'_>) {
    match kind {
        Kind::Projects => {
            out.key("project_id")
                .parts(&[b"project_", &world.id(kind, index)]);
            out.key("created_at")
                .atom(created_s(index))
                .key("name")
                .text(&format!("Projekt {index}"));
            out.key("deletes_at");
            moment(index % 10 == 9, updated_s(index), out);
            out.key("region")
                .plain("eu-central-1")
                .key("deleted")
                .flag(false);
        }
        Kind::ApiKeys => {
            let id = &world.id(kind, index);
            let project = world.id(Kind::Projects, index / CHILDREN_MAX);
            out.key("project_id").parts(&[b"project_", &project]);
            out.key("api_key_id").parts(&[b"api_key_", id]);
            out.key("created_at")
                .atom(created_s(index))
                .key("name")
                .text(&format!("key {index} – été"));
            out.key("value").parts(&[b"mock-not-a-key-", id]);
        }
        _ => usage(kind, index, out),
    }
}

fn usage(kind: Kind, index: u64, out: &mut Writer<'_>) {
    let month = format!("2025-{:02}-01", index % 12 + 1);
    out.key("collected_on").plain(&month);
    let minutes = index as i64 + 1;
    if kind == Kind::HostingUsage {
        out.key("video_duration_minutes").int(200 + minutes);
        return;
    }
    out.key("video_hls_duration_minutes").int(minutes * 10);
    out.key("video_mp4_duration_minutes").int(minutes * 22);
    out.key("live_stream_hls_duration_minutes").int(minutes * 3);
}
