//! Replaces secrets by `***` in everything that leaves a job.
//!
//! A value is known in the forms in which programs print it: as it is, trimmed, unquoted, escaped for JSON, URLs, shells
//! and logging commands, in hexadecimal, in base64 at every alignment and wrapped into lines, and line by line. Overlapping
//! and adjacent hits become one. It must not know where a secret comes from, and shows none in `Debug`.

mod forms;

use aho_corasick::AhoCorasick;
use aws_lc_rs::digest;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

const MASK: &str = "***";

/// What is to be masked in one job. Shared by everything that writes.
#[derive(Default)]
pub(crate) struct Masker {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// Digests of the forms that are in a level.
    seen: HashSet<[u8; 32]>,
    /// Automata of growing size, largest first: a new value costs little, however many there are.
    levels: Vec<Level>,
    /// Bytes of the longest form.
    longest: usize,
}

#[derive(Clone)]
struct Level {
    forms: Arc<Vec<Zeroizing<String>>>,
    automaton: Arc<AhoCorasick>,
}

impl Masker {
    /// Masks a value from now on, in all its forms. Blank values are not secrets.
    pub(crate) fn add(&self, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = Vec::new();
        for form in forms::of(value) {
            if !form.trim().is_empty() && known.seen.insert(fingerprint(&form)) {
                known.longest = known.longest.max(form.len());
                fresh.push(form);
            }
        }
        if fresh.is_empty() {
            return;
        }
        // Join levels while the last is not clearly larger: each form moves only a few times.
        while known
            .levels
            .last()
            .is_some_and(|level| level.forms.len() <= 2 * fresh.len())
        {
            if let Some(level) = known.levels.pop() {
                fresh.extend(level.forms.iter().cloned());
            }
        }
        let automaton = AhoCorasick::builder()
            .build(fresh.iter().map(|form| form.as_bytes()))
            .expect("building fails only beyond four billion states");
        known.levels.push(Level {
            forms: Arc::new(fresh),
            automaton: Arc::new(automaton),
        });
    }

    /// The text without its secrets.
    pub(crate) fn mask(&self, text: &str) -> String {
        let (hits, _) = self.hits(text);
        replace(text, &hits, text.len())
    }

    /// The text without its secrets, for a text that was cut at its end: as much of the end is left away as a secret could
    /// reach into the part that is missing.
    pub(crate) fn mask_cut(&self, text: &str) -> String {
        let (hits, longest) = self.hits(text);
        let mut keep = text.len().saturating_sub(longest);
        while !text.is_char_boundary(keep) {
            keep -= 1;
        }
        replace(text, &hits, keep)
    }

    /// Where secrets are, in order, merged; and the length of the longest form.
    fn hits(&self, text: &str) -> (Vec<Range<usize>>, usize) {
        let (levels, longest) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            (known.levels.clone(), known.longest)
        };
        let mut hits = credentials(text);
        for level in &levels {
            let mut found: Vec<Range<usize>> = Vec::new();
            for hit in level.automaton.find_overlapping_iter(text) {
                match found.last_mut() {
                    // They come ordered by their end: join at once, or the list grows with nesting.
                    Some(last) if hit.start() <= last.end => {
                        *last = hit.start().min(last.start)..hit.end();
                    }
                    _ => found.push(hit.range()),
                }
            }
            hits.append(&mut found);
        }
        hits.sort_by_key(|hit| hit.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(hits.len());
        for hit in hits {
            match merged.last_mut() {
                Some(last) if hit.start <= last.end => last.end = last.end.max(hit.end),
                _ => merged.push(hit),
            }
        }
        (merged, longest)
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").finish_non_exhaustive()
    }
}

/// Tells a form from others without keeping a second copy of it.
fn fingerprint(form: &str) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, form.as_bytes()).as_ref());
    digest
}

fn replace(text: &str, hits: &[Range<usize>], keep: usize) -> String {
    let mut out = String::with_capacity(keep);
    let mut at = 0;
    for hit in hits {
        if hit.start >= keep {
            break;
        }
        out.push_str(&text[at..hit.start]);
        out.push_str(MASK);
        at = hit.end;
    }
    if at < keep {
        out.push_str(&text[at..keep]);
    }
    out
}

/// `user:password` in `scheme://user:password@host`.
fn credentials(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let start = from + at + 3;
        let rest = &text[start..];
        let end = rest
            .find(|c: char| c == '/' || c == '"' || c == '\'' || c.is_whitespace())
            .unwrap_or(rest.len());
        if let Some(at_sign) = rest[..end].rfind('@')
            && rest[..at_sign].contains(':')
        {
            found.push(start..start + at_sign);
        }
        from = start;
    }
    found
}

#[cfg(test)]
mod tests;
