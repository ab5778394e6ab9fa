//! The rows: functions of seed, resource and row number, with changes laid over them.
//!
//! Nothing is stored, so that a list may have fifty million rows and any page of it costs the same. Changes made through
//! the control area are few and are applied to the rows they touch, by way of a tree. Start with [`Kind`] for the
//! resources, [`Store`] for lists, sorting and changes.

mod api_video;
mod generic;
mod pixlee;
mod store;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::options::{Options, Scenario};
use crate::random::{ID_LETTERS, id, index_of, mix};
use crate::time::BASE_S;
use crate::write::Writer;

pub(crate) use api_video::{child_range, summary_status};
pub(crate) use generic::children;
pub(crate) use pixlee::{PHOTO_FIRST, album_index};
pub(crate) use store::{Listing, Sort, Store, kind_of};

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Videos,
    DiscardedVideos,
    VideoStatus,
    LiveStreams,
    Players,
    Summaries,
    SummarySource,
    VideoTags,
    Watermarks,
    UploadTokens,
    Webhooks,
    Captions,
    Chapters,
    Buckets,
    Timeseries,
    Projects,
    ApiKeys,
    DeliveryUsage,
    HostingUsage,
    Albums,
    AlbumPhotos,
    Media,
    Tags,
    Categories,
    Statistics,
    Rows,
    Parents,
    Children,
    Toys,
    Events,
}

/// Rows that one parent has at most: row numbers of children are the parent's times this, plus a place.
pub(crate) const CHILDREN_MAX: u64 = 64;

/// Place of the photos of the first album in the scenario `load`, above all others.
const BIG_ALBUM_FIRST: u64 = 1 << 40;

/// Name in the control area, and rows of the scenario `small`.
const KINDS: [(Kind, &str, u64); 30] = [
    (Kind::Videos, "videos", 120),
    (Kind::DiscardedVideos, "discarded_videos", 25),
    (Kind::VideoStatus, "video_status", 120),
    (Kind::LiveStreams, "live_streams", 30),
    (Kind::Players, "players", 7),
    (Kind::Summaries, "summaries", 40),
    (Kind::SummarySource, "summary_source", 40),
    (Kind::VideoTags, "video_tags", 12),
    (Kind::Watermarks, "watermarks", 11),
    (Kind::UploadTokens, "upload_tokens", 22),
    (Kind::Webhooks, "webhooks", 13),
    (Kind::Captions, "captions", 0),
    (Kind::Chapters, "chapters", 0),
    (Kind::Buckets, "buckets", 23),
    (Kind::Timeseries, "timeseries", 28),
    (Kind::Projects, "projects", 22),
    (Kind::ApiKeys, "projects_api_keys", 0),
    (Kind::DeliveryUsage, "delivery_usage", 12),
    (Kind::HostingUsage, "hosting_usage", 12),
    (Kind::Albums, "albums", 60),
    (Kind::AlbumPhotos, "album_photos", 0),
    (Kind::Media, "media", 40),
    (Kind::Tags, "tags", 12),
    (Kind::Categories, "categories", 14),
    (Kind::Statistics, "statistics", 30),
    (Kind::Rows, "rows", 6),
    (Kind::Parents, "parents", 4),
    (Kind::Children, "children", 0),
    (Kind::Toys, "toys", 0),
    (Kind::Events, "events", 20),
];

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Kind> {
        let found = KINDS.iter().find(|(_, known, _)| *known == name);
        found.map(|(kind, ..)| *kind)
    }

    /// All names, with commas.
    pub(crate) fn names() -> String {
        KINDS.map(|(_, name, _)| name).join(", ")
    }

    /// The field that holds the moment of the last change.
    pub(crate) fn updated_field(self) -> &'static str {
        match self {
            _ if self.has_milliseconds() => "updated_at",
            Kind::Rows | Kind::Parents | Kind::Children | Kind::Toys | Kind::Events => "updated_at",
            _ => "updatedAt",
        }
    }

    /// Whether moments are numbers of milliseconds (Pixlee) instead of text.
    pub(crate) fn has_milliseconds(self) -> bool {
        matches!(
            self,
            Kind::Albums | Kind::AlbumPhotos | Kind::Media | Kind::Tags
        )
    }
}

/// What generated rows depend on.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) seed: u64,
    scenario: Scenario,
    rows: u64,
}

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        World {
            seed: options.seed,
            scenario: options.scenario,
            rows: options.rows,
        }
    }

    /// Rows of a list that has no parent, before changes.
    pub(crate) fn row_count(&self, kind: Kind) -> u64 {
        match (self.scenario, kind) {
            (Scenario::Load, Kind::Videos) => self.rows,
            _ => KINDS[kind as usize].2,
        }
    }

    /// Row numbers of the photos of an album: its place among the albums is `album`.
    pub(crate) fn photos(&self, album: u64) -> std::ops::Range<u64> {
        match (self.scenario, album) {
            (Scenario::Load, 0) => BIG_ALBUM_FIRST..BIG_ALBUM_FIRST + self.rows,
            _ => album * CHILDREN_MAX..album * CHILDREN_MAX + 5,
        }
    }

    /// Letters of the id of a row.
    pub(crate) fn id(&self, kind: Kind, index: u64) -> [u8; ID_LETTERS] {
        id(self.salt(kind), index)
    }

    /// Row number of an id with this prefix.
    pub(crate) fn index_of(&self, kind: Kind, prefix: &str, text: &str) -> Option<u64> {
        index_of(self.salt(kind), text.strip_prefix(prefix)?.as_bytes())
    }

    /// A number that looks random, for one aspect of a row.
    pub(crate) fn random(&self, kind: Kind, index: u64, aspect: u64) -> u64 {
        mix(mix(self.salt(kind) ^ aspect).wrapping_add(index))
    }

    fn salt(&self, kind: Kind) -> u64 {
        mix(self.seed) ^ ((kind as u64 + 1) << 56)
    }

    /// Writes a row.
    pub(crate) fn write(&self, kind: Kind, index: u64, out: &mut Vec<u8>) {
        let writer = &mut Writer::new(out);
        match kind {
            Kind::Albums
            | Kind::AlbumPhotos
            | Kind::Media
            | Kind::Tags
            | Kind::Categories
            | Kind::Statistics => pixlee::write(self, kind, index, writer),
            Kind::Rows | Kind::Parents | Kind::Children | Kind::Toys | Kind::Events => {
                generic::write(kind, index, writer);
            }
            _ => api_video::write(self, kind, index, writer),
        }
    }

    /// Value of a time field of an unchanged row, without writing the row.
    pub(crate) fn time_of(kind: Kind, field: &str, index: u64) -> Option<i64> {
        let seconds = match field {
            "createdAt" | "created_at" => created_s(index),
            "updatedAt" | "updated_at" => updated_s(index),
            _ => return None,
        };
        Some(if kind.has_milliseconds() {
            seconds * 1000
        } else {
            seconds
        })
    }
}

/// Moment at which a row was made.
pub(crate) fn created_s(index: u64) -> i64 {
    BASE_S + (index % BIG_ALBUM_FIRST) as i64
}

/// Moment of its last change.
pub(crate) fn updated_s(index: u64) -> i64 {
    created_s(index) + (index % 97 * 60) as i64
}

/// A change of data, as `POST /__control/mutate` takes it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mutation {
    /// Name of the resource.
    pub resource: String,
    /// First row that changes.
    pub from: u64,
    /// Row after the last one that changes; one row when it is left out.
    pub to: Option<u64>,
    /// Values to set, by field; a dotted name reaches into objects.
    pub set: Map<String, Value>,
    /// Moment of the change, for the field that holds it.
    pub at: Option<String>,
    /// New rows at the end of the list.
    pub add: u64,
    /// Whether the rows disappear.
    pub delete: bool,
    /// A field that the rows lose; dotted.
    pub drop_field: Option<String>,
    /// A field that changes its type.
    pub retype: Option<Retype>,
}

/// A field whose values change their type.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retype {
    /// The field, dotted; lists on the way stand for all their elements.
    pub field: String,
    /// `int`, `float`, `text` or `bool`.
    pub to: String,
}

/// The part of a [`Mutation`] that changes the fields of rows.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    set: Map<String, Value>,
    at: Option<String>,
    drop_field: Option<String>,
    retype: Option<Retype>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_kinds_has_their_order() {
        for (place, (kind, name, _)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, place, "{name}");
        }
    }

    #[test]
    fn every_row_of_every_kind_is_json_and_always_the_same() {
        let world = World::new(&Options::default());
        for (kind, name, _) in KINDS {
            for index in 0..200 {
                let (mut row, mut again) = (Vec::new(), Vec::new());
                world.write(kind, index, &mut row);
                world.write(kind, index, &mut again);
                assert_eq!(row, again);
                let value: Result<Value, _> = serde_json::from_slice(&row);
                assert!(value.is_ok_and(|value| value.is_object()), "{name} {index}");
            }
        }
    }

    #[test]
    fn seeds_give_other_ids() {
        let id = |seed| {
            let options = Options {
                seed,
                ..Options::default()
            };
            World::new(&options).id(Kind::Videos, 0)
        };
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }
}
