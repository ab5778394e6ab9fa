//! Access tokens of api.video and of the OAuth part of the generic area.

use std::collections::HashMap;

use crate::random::{id, mix};

/// Tokens that were given out.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// Access tokens and the moment of the clock at which they end.
    access: HashMap<String, u64>,
    refresh: Vec<String>,
    count: u64,
}

/// An access token and the token that renews it.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// What a token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    Valid,
    Expired,
    Unknown,
}

impl Tokens {
    pub(crate) fn issue(&mut self, now_ms: u64, ttl_s: u64) -> Pair {
        self.count += 1;
        let pair = Pair {
            access: token("access", self.count),
            refresh: token("refresh", self.count),
        };
        self.access
            .insert(pair.access.clone(), now_ms + ttl_s * 1000);
        self.refresh.push(pair.refresh.clone());
        pair
    }

    /// A new pair for a refresh token, which dies.
    pub(crate) fn renew(&mut self, refresh: &str, now_ms: u64, ttl_s: u64) -> Option<Pair> {
        let place = self.refresh.iter().position(|known| known == refresh)?;
        self.refresh.swap_remove(place);
        Some(self.issue(now_ms, ttl_s))
    }

    pub(crate) fn worth(&self, access: &str, now_ms: u64) -> Worth {
        match self.access.get(access) {
            Some(end_ms) if now_ms < *end_ms => Worth::Valid,
            Some(_) => Worth::Expired,
            None => Worth::Unknown,
        }
    }

    /// All access tokens end now.
    pub(crate) fn revoke(&mut self) {
        self.access.values_mut().for_each(|end_ms| *end_ms = 0);
    }
}

fn token(kind: &str, count: u64) -> String {
    let letters = id(mix(kind.len() as u64), count);
    format!("mock-{kind}-{}", String::from_utf8_lossy(&letters))
}
